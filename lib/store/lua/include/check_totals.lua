-- include: damage is_integer
-- Raises an error where a shard's totals cannot be added to.
local function checkTotals(totals)
  for _, total in ipairs(redis.call('HMGET', totals, 'torrents', 'seeders', 'leechers', 'completed')) do
    -- So many digits are exact in Lua, and far from where HINCRBY overflows.
    if total and not isInteger(total, 16) then fault(totals, 'holds what is no number') end
  end
end
