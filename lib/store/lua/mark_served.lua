#!lua
-- Marks that a frontend is at work. The first mark after an outage makes the sweeper wait: what looks expired then only
-- could not be heard.
--
-- keys: sweeper, a hash: see sweep_permit.lua
-- args: sweepIntervalS    an outage is longer than this
--       announceIntervalS the longest interval that a client was told
-- reply: 1 where an outage was seen
local sweeper, sweepIntervalS, announceIntervalS = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
local now = tonumber(redis.call('TIME')[1])
local served = tonumber(redis.call('HGET', sweeper, 'served'))
redis.call('HSET', sweeper, 'served', now)
if not served or now - served <= sweepIntervalS then return 0 end
redis.call('HSET', sweeper, 'hold', now + announceIntervalS)
return 1
