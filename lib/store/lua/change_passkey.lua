#!lua
-- Adds, changes or removes a passkey, and tells the frontends.
--
-- keys: passkeys  a hash, until when each passkey is valid
--       version   a string, how many changes there were
-- args: channel   that frontends listen to
--       passkey
--       until     seconds since the epoch, 0 for ever; empty: remove it
--       was       until when it must be valid now, as it is stored, or nothing is done; left out: whatever it is
-- reply: 1 where the passkey is new, or was removed; 0 where it was there, or was not, or is not as it must be
local passkeys, version = KEYS[1], KEYS[2]
local channel, passkey, validUntil = ARGV[1], ARGV[2], ARGV[3]
redis.call('HLEN', passkeys) -- fails where it cannot be written to
-- Somebody may have renewed it since it was looked at.
if ARGV[4] and redis.call('HGET', passkeys, passkey) ~= ARGV[4] then return 0 end
local number = redis.call('INCR', version)
local changed
if validUntil == '' then
  changed = redis.call('HDEL', passkeys, passkey)
else
  changed = redis.call('HSET', passkeys, passkey, validUntil)
end
redis.call('PUBLISH', channel, number .. ' ' .. passkey)
return changed
