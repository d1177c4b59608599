-- include: damage
-- Changes a shard's counts (torrents, seeders, leechers, completed): one, or two. It fails where the totals are damaged,
-- and has changed nothing then: so it comes before all other writes. (Redis takes 0.3 us to write a number out: changes that
-- are known come as text.)
local function addToTotals(totals, field, by, otherField, otherBy)
  local answer = redis.pcall('HINCRBY', totals, field, by)
  if type(answer) == 'number' and otherField then
    answer = redis.pcall('HINCRBY', totals, otherField, otherBy)
    if type(answer) ~= 'number' then redis.call('HINCRBY', totals, field, -by) end
  end
  if type(answer) ~= 'number' then fault(totals, 'cannot be counted in: ' .. answer.err) end
end
