-- include: is_integer
-- Changes a shard's counts by so much each, where the totals are what they must be: what is not is made anew once the
-- shard's swarms are right, and an error here would leave a repair half done.
local function changeTotals(prefix, shard, changes)
  local totals = prefix .. 'totals:' .. shard
  local texts = redis.pcall('HMGET', totals, 'torrents', 'seeders', 'leechers', 'completed')
  if texts.err then return end
  for i = 1, 4 do
    if texts[i] and not isInteger(texts[i], 16) then return end
  end
  for name, by in pairs(changes) do
    if by ~= 0 then redis.call('HINCRBY', totals, name, by) end
  end
end
