#!lua flags=allow-oom
-- Sweeps one shard for a bounded time: looks at the swarms that are due, removes peers not heard from for a lifetime,
-- and writes when each swarm is due next. Safe with any number of sweepers: what is expired is decided here.
--
-- keys: torrents:{09a}, the shard's index (all that is touched is in its slot)
-- args: prefix     of all keys
--       lifetimeS  of a peer
--       budget     how many peers may be looked at: 300 take about 1 ms
--       nowS       seconds since the epoch; empty: Redis's own clock
-- reply: 1 where the budget ended before the work, else 0; peers removed; torrents dropped; then a text for each
--        swarm that is damaged
-- include: swarm_head chunk_field chunk_of value_of write_piece add_to_total merge_chunks
local index, prefix, lifetimeS, budget = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local call, sub, byte = redis.call, string.sub, string.byte
local now = tonumber(ARGV[4]) or tonumber(call('TIME')[1])
local cutoff = now - lifetimeS
local shard = sub(index, -5)
local looked, removed, dropped, damaged = 0, 0, 0, {}

-- A large swarm always has a peer about to expire; it is looked at again after this share of a lifetime at the earliest.
local LARGE_SWARM_RESTS_S = math.floor(lifetimeS / 13)
-- The cursor after the four lists of peers: the endpoints whose download was counted.
local DONE = 4
local DONE_BATCH = 50
-- In the place of an earliest last announce: there is more to do, look again.
local AT_ONCE = now - lifetimeS

local function count(field, by) addToTotal(prefix, shard, field, by) end

-- Removes the expired peers of one hash. Answers, by list, how many went and which endpoints stay, and the earliest
-- last announce among those, `earliest` included.
local function removeExpired(hash, earliest)
  local fields, expired, lost, staying = call('HGETALL', hash), {}, { [0] = 0, 0, 0, 0 }, { [0] = {}, {}, {}, {} }
  for i = 1, #fields, 2 do
    local endpoint = fields[i]
    if #endpoint == 6 or #endpoint == 18 then
      local role, announced = struct.unpack('>BI4', fields[i + 1])
      local list = role + (#endpoint == 18 and 2 or 0)
      looked = looked + 1
      if announced <= cutoff then
        expired[#expired + 1] = endpoint
        lost[list] = lost[list] + 1
      else
        staying[list][#staying[list] + 1] = endpoint
        earliest = math.min(earliest, announced)
      end
    end
  end
  if #expired > 0 then call('HDEL', hash, unpack(expired)) end
  removed = removed + #expired
  return lost, staying, earliest
end

local function countLost(key, head, lost)
  local leechersLess, seedersLess = lost[0] + lost[2], lost[1] + lost[3]
  if leechersLess + seedersLess == 0 then return head end
  local leechers, seeders, completed = countsOf(head)
  leechers, seeders = leechers - leechersLess, seeders - seedersLess
  head = headWithCounts(head, leechers, seeders, completed)
  call('HSET', key, 'head', head, 'seeders', seeders, 'leechers', leechers)
  count('leechers', -leechersLess)
  count('seeders', -seedersLess)
  return head
end

-- Forgets completed downloads of a lifetime ago, save of peers that are still here. Answers whether it is through.
local function forgetDone(key, head)
  local old = call('ZRANGEBYSCORE', key .. ':done', '-inf', cutoff, 'LIMIT', 0, DONE_BATCH)
  for _, endpoint in ipairs(old) do
    local value = valueOf(key, head, #endpoint == 18 and 2 or 0, endpoint)
    if not value then
      call('ZREM', key .. ':done', endpoint)
    else
      -- A peer that expired since its chunk was looked at is still there: it must not come up again in this sweep.
      call('ZADD', key .. ':done', math.max((struct.unpack('>I4', value, 2)), cutoff + 1), endpoint)
    end
  end
  looked = looked + #old
  return #old < DONE_BATCH
end

local function sweepSmall(key, head)
  local lost, staying, earliest = removeExpired(key, now)
  head = countLost(key, head, lost)
  for list = 0, 3 do
    if lost[list] > 0 then writePiece(key, chunkField(list, 0), table.concat(staying[list])) end
  end
  return head, forgetDone(key, head) and earliest or AT_ONCE
end

-- Goes on with a large swarm where an earlier call stopped. Answers the head and the earliest last announce, or only
-- the head where the budget ended first.
local function sweepLarge(key, head, cursor)
  local list, number, counted, earliest = 0, 0, 0, now
  if cursor then list, number, counted, earliest = struct.unpack('>BI2I4I4', cursor) end
  while true do
    local chunks = list < DONE and chunksOf(head, list) or 0
    if list == DONE then
      if forgetDone(key, head) then break end
    elseif number < chunks then
      local field = chunkField(list, number)
      local lost, staying
      lost, staying, earliest = removeExpired(key .. ':' .. field, earliest)
      head = countLost(key, head, lost)
      if lost[list] > 0 then writePiece(key, field, table.concat(staying[list])) end
      number, counted, looked = number + 1, counted + #staying[list], looked + 1
    elseif chunks > 1 and counted < CHUNK_PEERS_MIN * chunks then
      local moved
      head, moved = mergeChunks(key, head, list)
      looked = looked + 1 + moved
    else
      list, number, counted = list + 1, 0, 0
    end
    if looked >= budget then
      call('HSET', key, 'sweep', struct.pack('>BI2I4I4', list, number, counted, earliest))
      return head, nil
    end
  end
  if cursor then call('HDEL', key, 'sweep') end
  return head, earliest
end

local function dropSwarm(key, infoHash)
  call('DEL', key)
  call('ZREM', index, infoHash)
  count('torrents', -1)
  dropped = dropped + 1
end

-- When an emptied swarm is due: it keeps its count of completed downloads, for good.
local function settleEmpty(key, head, infoHash, earliest)
  local _, _, completed = countsOf(head)
  if completed == 0 then return dropSwarm(key, infoHash) end
  if not isSmall(head) then call('HSET', key, 'head', headWithChunksOfAll(head, NO_CHUNKS)) end
  local due = call('EXISTS', key .. ':done') == 0 and '+inf' or earliest + lifetimeS
  call('ZADD', index, due, infoHash)
end

local function sweepSwarm(infoHash)
  local key = prefix .. 'swarm:' .. shard .. ':' .. infoHash
  local fields = call('HMGET', key, 'head', 'sweep')
  local head, earliest = fields[1], nil
  looked = looked + 1
  if not head then return call('ZREM', index, infoHash) end
  local wasSmall = isSmall(head)
  if wasSmall then head, earliest = sweepSmall(key, head) else head, earliest = sweepLarge(key, head, fields[2]) end
  if not earliest then return end
  local leechers, seeders = countsOf(head)
  if leechers + seeders == 0 then return settleEmpty(key, head, infoHash, earliest) end
  local due = earliest + lifetimeS
  if not wasSmall then due = math.max(due, now + LARGE_SWARM_RESTS_S) end
  call('ZADD', index, due, infoHash)
end

while looked < budget do
  local infoHash = call('ZRANGEBYSCORE', index, '-inf', now, 'LIMIT', 0, 1)[1]
  if not infoHash then return { 0, removed, dropped, unpack(damaged) } end
  -- A damaged swarm must not keep the rest of its shard from being swept.
  local ran, problem = pcall(sweepSwarm, infoHash)
  if not ran then
    call('ZADD', index, now + lifetimeS, infoHash)
    damaged[#damaged + 1] = infoHash .. ' ' .. (type(problem) == 'table' and problem.err or tostring(problem))
  end
end
return { 1, removed, dropped, unpack(damaged) }
