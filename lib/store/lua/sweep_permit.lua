#!lua flags=allow-oom
-- Says whether peers may be swept now. After an outage they may not until every client had one announce interval's time
-- to announce again: what looks expired then only could not be heard.
--
-- keys: sweeper, a hash: `swept` and `served`, when a sweep and a frontend were last at work; `hold`, until when to wait
-- args: sweepIntervalS    an outage is longer than this
--       announceIntervalS the longest interval that a client was told
-- reply: 1 to sweep; else the seconds to wait, negative
local sweeper, sweepIntervalS, announceIntervalS = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
local now = tonumber(redis.call('TIME')[1])
local fields = redis.call('HMGET', sweeper, 'served', 'hold')
local served, hold = tonumber(fields[1]) or now, tonumber(fields[2]) or 0
-- A frontend marks every second, and its first mark after an outage sets `hold` as well (mark_served.lua).
if now - served > sweepIntervalS then hold = now + announceIntervalS end
redis.call('HSET', sweeper, 'swept', now, 'hold', hold)
return now >= hold and 1 or now - hold
