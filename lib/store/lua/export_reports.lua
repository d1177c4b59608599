#!lua flags=no-writes,allow-cross-slot-keys
-- Reads what clients with passkeys have said last, each at one moment.
--
-- keys: none declared (a batch reaches every slot of its node)
-- args: names of moved:{09a}:…
-- reply: per name its value and when it expires, in seconds since the epoch; an empty one and 0 where it is there no longer, or is no string
local reply = {}
for i, key in ipairs(ARGV) do
  local value = redis.pcall('GET', key)
  -- An error other than of a type: it has gone to another master.
  if type(value) == 'table' and not string.find(value.err, 'WRONGTYPE', 1, true) then return value end
  local isThere = type(value) == 'string'
  reply[2 * i - 1] = isThere and value or ''
  reply[2 * i] = isThere and redis.call('EXPIRETIME', key) or 0
end
return reply
