#!lua flags=no-writes
-- Holds swarms of one shard against the peers that are stored, for a bounded time. A swarm that is too large for the rest
-- of it is gone on with in the next call, chunk by chunk: each of them, as all of a small swarm, in one piece.
--
-- keys: torrents:{09a}, the shard's index (all that is touched is in its slot)
-- args: prefix     of all keys
--       lifetimeS  of a peer
--       nowS       seconds since the epoch; empty: Redis's own clock
--       budget     how many peers may be looked at
--       list, number, due  where the first swarm is to be gone on with, as the last call answered; empty: from its start
--       then info hashes, 40 hex each
-- reply: swarms done
--        list, number, due of the next where it has begun, else empty
--        swarms, peers, pieces looked at
--        the swarms that are too large to have their counts compared
--        of each fault its info hash, its check, the field of its chunk or empty, its endpoint or empty, and a text
-- include: swarm_head chunk_field small_peers chunk_peers piece_tells large_counts stray_fields text_problem removal_time whole_shard
local index, prefix, lifetimeS, budget = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[4])
local call, try = redis.call, redis.pcall
local now = tonumber(ARGV[3]) or tonumber(call('TIME')[1])
local shard, latest = string.sub(index, -5), now + lifetimeS
needWholeShard(prefix, shard)
local FIRST = 8

-- A large swarm rests so long between two looks of the sweeper (sweep.lua).
local REST_S = math.floor(lifetimeS / 13)
-- Redis's clock may have been set back a little, and a sweep of a large swarm takes a while.
local CLOCK_SLACK_S = 60

local infoHash, key
local looked, swarms, peersLooked, piecesLooked, tooLarge, faults = 0, 0, 0, 0, {}, {}

local function fault(check, text, field, endpoint)
  for _, part in ipairs({ infoHash, check, field or '', endpoint or '', text }) do faults[#faults + 1] = part end
end

local function checkCounts(fields, leechersStored, seedersStored)
  local leechers, seeders, completed = countsOf(fields[1])
  if leechers ~= leechersStored or seeders ~= seedersStored then
    fault('counts', 'counts ' .. seeders .. ' seeders and ' .. leechers .. ' leechers, and keeps ' .. seedersStored ..
      ' and ' .. leechersStored)
  end
  local problem = textProblem(fields, leechers, seeders, completed)
  if problem then fault('counts', problem) end
end

local function checkPiece(field, piece, width, peers, count)
  if not piece and count == 0 then return end
  piecesLooked = piecesLooked + 1
  if not piece then
    fault('pieces', 'has no piece ' .. field .. ', and keeps ' .. count .. ' peers for it', field)
  elseif count == 0 then
    fault('pieces', 'has a piece ' .. field .. ', and keeps no peers for it', field)
  elseif not pieceTells(piece, width, peers, count) then
    fault('pieces', 'does not tell in its piece ' .. field .. ' the ' .. count .. ' peers that it keeps', field)
  end
end

local function checkWrong(wrong, field)
  for i = 1, #wrong, 2 do fault('peers', wrong[i + 1], field, wrong[i]) end
end

-- A swarm without peers stays for its completed downloads, and is looked at by the sweeper while it remembers whose; only then has
-- it a time when it is removed.
local function checkEmpty(head, due)
  local _, _, completed = countsOf(head)
  if completed == 0 then
    fault('counts', 'has no peers and no completed downloads, and is kept')
  elseif (due == math.huge or isRemovalTime(due)) and call('EXISTS', key .. ':done') == 1 then
    fault('due times', 'is ' .. (due == math.huge and 'never due' or 'to be removed') .. ', and remembers completed downloads')
  end
end

-- Answers whether a swarm is due too late by so many seconds.
local function checkDue(lateS)
  if lateS <= CLOCK_SLACK_S then return false end
  local late = lateS == math.huge and 'never due' or string.format('due %.0f s too late', lateS)
  fault('due times', 'is ' .. late .. ' for the sweep of its first peer that expires')
  return true
end

local function checkSmall(fields, due)
  local head, size = fields[1], call('HLEN', key)
  looked = looked + 3
  if size > SMALL_FIELDS_MAX then return fault('counts', 'is a small swarm of ' .. size .. ' fields') end
  local peers, sizes, earliest, wrong, pieces = smallPeers(call('HGETALL', key), latest)
  checkWrong(wrong)
  checkCounts(fields, sizes[0] + sizes[2], sizes[1] + sizes[3])
  for list = 0, 3 do
    local field = FIRST_FIELDS[list]
    checkPiece(field, pieces[field], list >= 2 and 18 or 6, peers[list], sizes[list])
    pieces[field] = nil
    looked, peersLooked = looked + sizes[list], peersLooked + sizes[list]
  end
  for field in pairs(pieces) do fault('pieces', 'has a piece ' .. field .. ' and no such chunk', field) end
  if not earliest then return checkEmpty(head, due) end
  checkDue(due - earliest - lifetimeS)
end

-- What is cheap to know of a large swarm at one moment: the sizes of its chunks.
local function checkLargeCounts(fields)
  local chunks = chunksOfAll(fields[1])
  looked = looked + 3 + chunks / 4
  if chunks > CHUNKS_COUNTED_MAX then
    tooLarge[#tooLarge + 1] = infoHash
    return
  end
  local leechers, seeders, filled = largeCounts(key, fields[1])
  checkCounts(fields, leechers, seeders)
  local known = call('HEXISTS', key, 'sweep')
  for i = 1, #TEXT_FIELDS do if fields[i] then known = known + 1 end end
  -- All the names of a large hash cost more: looked at only where their number says that there are others.
  if call('HLEN', key) == known + filled then return end
  for _, field in ipairs(strayFields(key, fields[1])) do
    if #field == 7 then
      fault('pieces', 'has a piece ' .. field .. ' and no such chunk', field)
    else
      fault('peers', 'is kept beside the chunks of a large swarm', '', field)
    end
  end
end

-- Answers when the swarm is due, or 0 where that has been found too late: one fault is enough.
local function checkChunk(head, list, number, due)
  local field = chunkField(list, number)
  local peers, count, wrong, doubles, size = chunkPeers(key, head, list, number, latest)
  looked = looked + 2
  if not peers then
    fault('keys', 'has a chunk ' .. field .. ' that is no hash', field)
    return due
  end
  looked, peersLooked = looked + size, peersLooked + size
  checkWrong(wrong, field)
  for i = 1, #doubles, 2 do
    fault('peers', 'is a seeder, and still a leecher in ' .. doubles[i + 1], field, doubles[i])
  end
  checkPiece(field, call('HGET', key, field), list >= 2 and 18 or 6, peers, count)
  for _, announced in pairs(peers) do
    if checkDue(due - math.max(announced + lifetimeS, now) - REST_S) then return 0 end
  end
  return due
end

-- Answers where to go on, or nothing where all is done.
local function checkChunks(head, list, number, due)
  while list <= 3 do
    if looked >= budget then return list, number, due end
    if number < chunksOf(head, list) then
      due, number = checkChunk(head, list, number, due), number + 1
    else
      list, number = list + 1, 0
    end
  end
end

local function checkHead(fields)
  local head = fields[1]
  if not head then return fault('counts', 'has no head') end
  if #head ~= HEAD_BYTES then return fault('counts', 'has a head of ' .. #head .. ' bytes, and ' .. HEAD_BYTES .. ' are one') end
  if isSmall(head) then return true end
  for list = 0, 3 do
    if chunksOf(head, list) == 0 then return fault('counts', 'has chunks for some of its lists only') end
  end
  return true
end

-- Answers where to go on, or nothing where all is done.
local function checkSwarm(list, number, due)
  if list then
    local head = try('HGET', key, 'head')
    -- It was large a moment ago, and has been emptied since: what is small now is right by the script that made it so.
    if type(head) ~= 'string' or #head ~= HEAD_BYTES or isSmall(head) then return end
    return checkChunks(head, list, number, due)
  end
  local score = try('ZSCORE', index, infoHash)
  due = type(score) == 'string' and (score == 'inf' and math.huge or tonumber(score))
  looked = looked + 1
  if call('EXISTS', key) == 0 then
    if due then fault('index', 'is in the index, and there is no such swarm') end
    return
  end
  swarms = swarms + 1
  local fields = try('HMGET', key, unpack(TEXT_FIELDS))
  if fields.err then return fault('keys', 'is no hash') end
  if not due then fault('index', 'is not in the index') end
  if not checkHead(fields) then return end
  if isSmall(fields[1]) then return checkSmall(fields, due or 0) end
  checkLargeCounts(fields)
  return checkChunks(fields[1], 0, 0, due or 0)
end

local done = 0
local list, number, due = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
while FIRST + done <= #ARGV and looked < budget do
  infoHash = ARGV[FIRST + done]
  key = prefix .. 'swarm:' .. shard .. ':' .. infoHash
  list, number, due = checkSwarm(list, number, due)
  if list then break end
  done = done + 1
end
local goOn = { list or '', number or '', due and string.format('%.0f', due) or '' }
return { done, goOn, { swarms, peersLooked, piecesLooked }, tooLarge, faults }
