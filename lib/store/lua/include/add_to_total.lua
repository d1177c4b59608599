-- Changes one of a shard's counts: torrents, seeders, leechers, completed.
local function addToTotal(prefix, shard, field, by)
  if by ~= 0 then redis.call('HINCRBY', prefix .. 'totals:' .. shard, field, by) end
end
