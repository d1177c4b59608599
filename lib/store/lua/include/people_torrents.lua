-- include: swarm_head people_text people_reading people_swarm text_problem is_integer
-- A torrent of the index, whose score is when it is due.
local function torrentRow(wrong, key, infoHash, score, now)
  local fields = ask(wrong, 'hash', 'HMGET', key, unpack(TEXT_FIELDS))
  local head = headOf(wrong, key, fields)
  if fields and not head and redis.call('EXISTS', key) == 0 then
    wrong[#wrong + 1] = key .. ' is in the index, and there is no such swarm'
  end
  local due = tonumber(score)
  local dueIn = score == 'inf' and 'never' or due <= now and 'now' or 'in ' .. durationText(due - now)
  local row = { infoHash, '?', '?', '?', dueIn }
  if not head then return row end
  local leechers, seeders, completed = countsOf(head)
  row[2], row[3], row[4] = numberText(seeders), numberText(leechers), numberText(completed)
  return row
end

local TOTALS = { 'torrents', 'seeders', 'leechers', 'completed' }

-- What a shard counts in all; nil where its totals cannot be read.
local function totalsText(wrong, key)
  local totals = ask(wrong, 'hash', 'HMGET', key, unpack(TOTALS))
  if not totals then return nil end
  local texts = {}
  for i, name in ipairs(TOTALS) do
    local count = totals[i] or '0'
    if isInteger(count, 20) then
      texts[i] = numberText(count) .. ' ' .. name
    else
      texts[i] = '? ' .. name
      wrong[#wrong + 1] = key .. ' has "' .. count .. '" for ' .. name .. ', which is no number'
    end
  end
  return table.concat(texts, ', ')
end
