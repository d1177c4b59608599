#!lua
-- Bans a network, or changes until when, or ends a ban; and counts the change, by which frontends learn of it.
--
-- keys: bans         hash of networks by text, each with until when it is banned, 0 for ever
--       bansVersion  how many times a ban was changed
-- args: network      as text
--       until        in seconds since the epoch, 0 for ever; empty: the ban ends
--       bansMax      how many there may be
--       was          where given, the ban ends only if this is still until when it was
-- reply: 1 where it is new, or has ended; 0 where it was there before, or was not there; -1 where there are too many
local bans, version, network, untilS, bansMax, was = KEYS[1], KEYS[2], ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local found = redis.call('HGET', bans, network)
if untilS == '' then
  if not found or was ~= '' and was ~= found then return 0 end
  redis.call('INCR', version)
  redis.call('HDEL', bans, network)
  return 1
end
if not found and redis.call('HLEN', bans) >= bansMax then return -1 end
redis.call('INCR', version)
redis.call('HSET', bans, network, untilS)
return found and 0 or 1
