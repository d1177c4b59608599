-- The fields of a swarm that are there for people, next to the counts in its head: what is wrong with them, or nil. `completed`
-- is written with the first one.
local TEXT_FIELDS = { 'head', 'seeders', 'leechers', 'completed', 'added' }

local function textProblem(fields, leechers, seeders, completed)
  for i, count in ipairs({ seeders, leechers, completed }) do
    local text = fields[i + 1]
    local isUnwritten = i == 3 and count == 0 and not text
    if text ~= string.format('%d', count) and not isUnwritten then
      return 'says "' .. (text or '') .. '" for its ' .. TEXT_FIELDS[i + 1] .. ', and its head ' .. count
    end
  end
  if not tonumber(fields[5] or '') then return 'does not say when it was added' end
end
