#!lua flags=no-writes,allow-cross-slot-keys
-- The counts of swarms of sorted_sets.lua.
--
-- keys: none declared
-- args: the swarms' keys as text, 52 bytes each
-- reply: per swarm leechers, seeders, completed (u32 each)
local call, keys, heads = redis.call, ARGV[1], {}
for at = 1, #keys, 52 do
  local key = string.sub(keys, at, at + 51)
  local leechers = call('ZCARD', key .. ':l4') + call('ZCARD', key .. ':l6')
  local seeders = call('ZCARD', key .. ':s4') + call('ZCARD', key .. ':s6')
  heads[#heads + 1] = struct.pack('>I4I4I4', leechers, seeders, tonumber(call('HGET', key, 'completed') or 0))
end
return heads
