#!lua flags=allow-oom
-- Makes a swarm right by the peers that are stored: counts, texts, the pieces of a small one, its place in the index. What
-- is no swarm is deleted. The chunks of a large one are made right before (repair_chunk.lua).
--
-- keys: torrents:{09a}, the shard's index (all that is touched is in its slot)
-- args: prefix     of all keys
--       lifetimeS  of a peer
--       nowS       seconds since the epoch; empty: Redis's own clock
--       infoHash   40 hex
-- reply: 1
-- include: swarm_head chunk_field chunk_of small_peers large_counts stray_fields write_piece change_totals removal_time whole_shard
local index, prefix, lifetimeS, infoHash = KEYS[1], ARGV[1], tonumber(ARGV[2]), ARGV[4]
local call = redis.call
local time = call('TIME')
local now = tonumber(ARGV[3]) or tonumber(time[1])
local shard = string.sub(index, -5)
needWholeShard(prefix, shard)
local key = prefix .. 'swarm:' .. shard .. ':' .. infoHash
local totals = prefix .. 'totals:' .. shard

local function typeOf(name) return call('TYPE', name).ok end

-- The index of a wrong type is made anew of all the swarms that are found, the totals of a wrong type after that.
if typeOf(index) ~= 'zset' then call('UNLINK', index) end
if typeOf(totals) ~= 'hash' then call('UNLINK', totals) end
if typeOf(key) ~= 'hash' then
  call('UNLINK', key, key .. ':done')
  call('ZREM', index, infoHash)
  return 1
end

local head = call('HGET', key, 'head')
local hasHead = head and #head == HEAD_BYTES
local remembered = typeOf(key .. ':done') == 'zset' and call('ZCARD', key .. ':done') or 0

-- The completed downloads are in no peer: the head has them, else the text, else a head of 20 bytes (an older layout).
local function completedKept()
  local text, inHead = tonumber(call('HGET', key, 'completed') or ''), nil
  if hasHead or (head and #head == 20) then
    local _, _, completed = countsOf(head)
    inHead = completed
  end
  local kept = hasHead and inHead or text or inHead or 0
  if kept ~= math.floor(kept) or kept < 0 or kept >= 2 ^ 32 then kept = 0 end
  return math.max(kept, remembered)
end

local function drop()
  call('UNLINK', key, key .. ':done')
  if call('ZREM', index, infoHash) == 1 and hasHead then
    local leechers, seeders, completed = countsOf(head)
    changeTotals(prefix, shard, { torrents = -1, leechers = -leechers, seeders = -seeders, completed = -completed })
  end
end

local function write(leechers, seeders, completed, chunksAndSalt)
  local added = call('HGET', key, 'added')
  call('HSET', key, 'head', struct.pack('>I4I4I4', leechers, seeders, completed) .. chunksAndSalt, 'seeders', seeders,
    'leechers', leechers, 'completed', completed, 'added', tonumber(added or '') and added or now)
  if not hasHead then return end
  local leechersWere, seedersWere, completedWas = countsOf(head)
  changeTotals(prefix, shard, { leechers = leechers - leechersWere, seeders = seeders - seedersWere,
    completed = completed - completedWas })
end

-- Where chunks cannot be told any more, their peers go: the clients announce again.
local function dropChunks(pieces)
  for field in pairs(pieces) do
    call('UNLINK', chunkKey(key, field))
    call('HDEL', key, field)
  end
end

-- More fields than a small swarm can have: of a large one that has lost its head, or not of ours.
local function dropFields()
  for _, field in ipairs(call('HKEYS', key)) do
    if #field == 7 and string.find(field, '^[ls][46]:%x%x%x%x$') then call('UNLINK', chunkKey(key, field)) end
  end
  local added = call('HGET', key, 'added')
  call('UNLINK', key)
  if added then call('HSET', key, 'added', added) end
end

-- For a swarm that has lost its own. No client knows the microsecond of its repair.
local function newSalt()
  local digits = string.sub(redis.sha1hex(infoHash .. time[1] .. time[2]), 1, 8)
  return struct.pack('>I4', 2 + tonumber(digits, 16) % (CHUNK_HASH_PRIME - 2))
end

local function repairSmall()
  local completed = completedKept()
  if call('HLEN', key) > SMALL_FIELDS_MAX then dropFields() end
  local peers, sizes, earliest, wrong, pieces = smallPeers(call('HGETALL', key), now + lifetimeS)
  for i = 1, #wrong, 2 do call('HDEL', key, wrong[i]) end
  dropChunks(pieces)
  if not earliest and completed == 0 then return drop() end
  for list = 0, 3 do
    local endpoints = {}
    for endpoint in pairs(peers[list]) do endpoints[#endpoints + 1] = endpoint end
    writePiece(key, FIRST_FIELDS[list], table.concat(endpoints))
  end
  local salt = hasHead and string.sub(head, 21) or newSalt()
  write(sizes[0] + sizes[2], sizes[1] + sizes[3], completed, NO_CHUNKS .. salt)
  local due = earliest and earliest + lifetimeS or remembered > 0 and now + lifetimeS or '+inf'
  -- What has no peers keeps the time when it is to be removed.
  local isLate = due ~= '+inf' and isRemovalTime(call('ZSCORE', index, infoHash))
  if isLate then call('ZADD', index, due, infoHash) else call('ZADD', index, 'LT', due, infoHash) end
end

local function repairLarge()
  local chunked = head
  for list = 0, 3 do
    if chunksOf(chunked, list) == 0 then chunked = headWithChunks(chunked, list, 1) end
  end
  local leechers, seeders = countsOf(head)
  if chunksOfAll(chunked) <= CHUNKS_COUNTED_MAX then
    local _, broken
    leechers, seeders, _, broken = largeCounts(key, chunked)
    for _, field in ipairs(broken) do call('UNLINK', chunkKey(key, field)) end
  end
  for _, field in ipairs(strayFields(key, chunked)) do call('HDEL', key, field) end
  local completed = completedKept()
  if leechers + seeders == 0 then
    if completed == 0 then return drop() end
    chunked = headWithChunksOfAll(chunked, NO_CHUNKS)
    call('HDEL', key, 'sweep')
  end
  write(leechers, seeders, completed, string.sub(chunked, 13))
  -- The next sweep finds out when it is really due.
  call('ZADD', index, 'LT', now, infoHash)
end

if hasHead and not isSmall(head) then repairLarge() else repairSmall() end
return 1
