#!lua flags=no-writes,allow-cross-slot-keys
-- Looks at the keys that each shard has one of.
--
-- keys: none declared (a batch reaches every slot)
-- args: prefix of all keys
--       then shards, like 09a
-- reply: how many torrents each shard has, -1 where it has not even totals; then each key of a wrong type and that type
local TYPES = { torrents = 'zset', totals = 'hash', whitelist = 'set', accounts = 'hash' }
local prefix, sizes, wrong = ARGV[1], {}, {}
for i = 2, #ARGV do
  local size = -1
  for name, kind in pairs(TYPES) do
    local key = prefix .. name .. ':{' .. ARGV[i] .. '}'
    local found = redis.call('TYPE', key).ok
    if found == kind then
      if name == 'torrents' then size = redis.call('ZCARD', key) elseif name == 'totals' then size = math.max(size, 0) end
    elseif found ~= 'none' then
      size = math.max(size, 0)
      wrong[#wrong + 1] = key
      wrong[#wrong + 1] = found
    end
  end
  sizes[i - 1] = size
end
return { sizes, wrong }
