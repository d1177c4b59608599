-- include: swarm_head chunk_field
-- The fields of a large swarm's hash that do not belong there: endpoints, and pieces of chunks that it does not have or
-- that are empty.
local STRAY_LISTS = { l4 = 0, s4 = 1, l6 = 2, s6 = 3 }

local function strayFields(key, head)
  local stray = {}
  for _, field in ipairs(redis.call('HKEYS', key)) do
    local list, digits = string.match(field, '^([ls][46]):(%x%x%x%x)$')
    local isStray = #field == 6 or #field == 18
    if list then
      isStray = tonumber(digits, 16) >= chunksOf(head, STRAY_LISTS[list])
        or redis.pcall('HLEN', chunkKey(key, field)) == 0
    end
    if isStray then stray[#stray + 1] = field end
  end
  return stray
end
