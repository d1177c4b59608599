-- include: swarm_head chunk_field text_problem removal_time people_text people_reading people_usage
-- The key of a torrent of a shard, whose index is given.
local function swarmKeyOf(index, infoHash)
  local prefix, shard = shardOfKey(index)
  return prefix .. 'swarm:{' .. shard .. '}:' .. infoHash
end

local function peersOf(head)
  local leechers, seeders = countsOf(head)
  return leechers + seeders
end

-- Chunks whose memory is asked for; that of the rest is told by these.
local CHUNKS_MEASURED_MAX = 100

local function chunksInAll(head)
  return chunksOf(head, 0) + chunksOf(head, 1) + chunksOf(head, 2) + chunksOf(head, 3)
end

-- What a swarm takes in Redis, beside its place in the index; or why that is not told.
local function memoryText(key, head)
  local own = redis.pcall('MEMORY', 'USAGE', key)
  if type(own) == 'table' then return 'not told: ' .. own.err end
  local bytes, all = own + (tonumber(redis.pcall('MEMORY', 'USAGE', key .. ':done')) or 0), chunksInAll(head)
  local share, measured, inChunks = math.min(1, CHUNKS_MEASURED_MAX / math.max(1, all)), 0, 0
  for list = 0, 3 do
    for number = 0, math.ceil(chunksOf(head, list) * share) - 1 do
      measured = measured + 1
      inChunks = inChunks + (tonumber(redis.pcall('MEMORY', 'USAGE', chunkKey(key, chunkField(list, number)))) or 0)
    end
  end
  if measured == all then return bytesText(bytes + inChunks) end
  local about = bytesText(bytes + inChunks * all / measured)
  return 'about ' .. about .. ', by ' .. measured .. ' of its ' .. numberText(all) .. ' chunks'
end

local function layoutText(head)
  if isSmall(head) then return 'small: its peers are fields of its own hash' end
  local lists, texts = { s4 = 1, s6 = 3, l4 = 0, l6 = 2 }, {}
  for i, name in ipairs({ 's4', 's6', 'l4', 'l6' }) do texts[i] = name .. ' ' .. numberText(chunksOf(head, lists[name])) end
  return 'large: chunks ' .. table.concat(texts, ', ')
end

-- When a torrent is looked at by the sweeper, by its score in the index.
local function dueText(score, now)
  if score == 'inf' then return 'never: it stays for its completed downloads' end
  local due = math.floor(tonumber(score))
  if isRemovalTime(score) and due >= now then
    return timeText(due) .. ', in ' .. durationText(due - now) .. ': removed then, if nobody announces it'
  end
  if due <= now then return timeText(due) .. ', ' .. durationText(now - due) .. ' ago: at the next sweep' end
  return timeText(due) .. ', in ' .. durationText(due - now)
end

local function listedText(wrong, index, infoHash)
  local prefix, shard = shardOfKey(index)
  local listed = ask(wrong, 'set', 'SISMEMBER', prefix .. 'whitelist:{' .. shard .. '}', infoHash)
  return listed == 1 and 'yes' or listed == 0 and 'no (of no matter unless REDSWARM_LISTED is true)' or 'not told'
end

-- The head of a swarm that can be read; else nil, and what is wrong goes to `wrong`.
local function headOf(wrong, key, fields)
  local head = fields and fields[1]
  if fields and not head and redis.call('EXISTS', key) == 1 then wrong[#wrong + 1] = key .. ' has no head' end
  if head and #head ~= HEAD_BYTES then
    wrong[#wrong + 1] = key .. ' has a head of ' .. #head .. ' bytes, and ' .. HEAD_BYTES .. ' are one'
    return nil
  end
  if head and not isSmall(head) and chunksOf(head, 0) * chunksOf(head, 1) * chunksOf(head, 2) * chunksOf(head, 3) == 0 then
    wrong[#wrong + 1] = key .. ' has chunks for some of its lists only'
  end
  return head or nil
end

-- A swarm's head and other fields; or nil, and a line that says that there is none or what is wrong.
local function readSwarm(lines, wrong, key)
  local fields = ask(wrong, 'hash', 'HMGET', key, unpack(TEXT_FIELDS))
  local head = headOf(wrong, key, fields)
  if not head and #wrong == 0 then
    lines[#lines + 1] = 'no such swarm: nobody has announced it, or all have left and nobody had completed it'
  end
  return head, fields
end

-- What a swarm counts.
local function addCounts(facts, wrong, key, head, fields, now)
  local leechers, seeders, completed = countsOf(head)
  local remembered, added = ask(wrong, 'zset', 'ZCARD', key .. ':done') or 0, tonumber(fields[5] or '')
  local ofWhom = remembered > 0 and ' (' .. numberText(remembered) .. ' remembered)' or ''
  if remembered > completed then
    wrong[#wrong + 1] = key .. ' remembers ' .. remembered .. ' completed downloads, and counts ' .. completed
  end
  facts[#facts + 1] = { 'seeders', numberText(seeders) }
  facts[#facts + 1] = { 'leechers', numberText(leechers) }
  facts[#facts + 1] = { 'completed', numberText(completed) .. ofWhom }
  facts[#facts + 1] = { 'added', added and timeText(added) .. ', ' .. agoText(added, now) or 'not told' }
end

-- When a swarm is due, and whether index and swarm agree that it is there.
local function addDue(facts, wrong, index, infoHash, head, now)
  local score, key = ask(wrong, 'zset', 'ZSCORE', index, infoHash), swarmKeyOf(index, infoHash)
  if head then facts[#facts + 1] = { 'due', score and dueText(score, now) or 'not told' } end
  if head and score == 'inf' and peersOf(head) > 0 then wrong[#wrong + 1] = key .. ' has peers, and is never due' end
  if head and score == false then wrong[#wrong + 1] = key .. ' is not in ' .. index end
  if score and redis.call('EXISTS', key) == 0 then wrong[#wrong + 1] = index .. ' has it, and there is no such swarm' end
end

-- How a swarm is kept.
local function addStored(facts, key, head)
  facts[#facts + 1] = { 'kept as', layoutText(head) }
  facts[#facts + 1] = { 'memory', memoryText(key, head) }
end

-- Holds the texts of a swarm, and of a small one its peers, against its head. `rows`: how many of at most `limit` peers were
-- found.
local function checkSwarm(wrong, key, fields, rows, limit)
  local leechers, seeders, completed = countsOf(fields[1])
  local problem = textProblem(fields, leechers, seeders, completed)
  if problem then wrong[#wrong + 1] = key .. ' ' .. problem end
  if isSmall(fields[1]) and rows ~= math.min(leechers + seeders, limit) then
    wrong[#wrong + 1] = key .. ' counts ' .. leechers + seeders .. ' peers, and keeps ' .. rows
  end
end
