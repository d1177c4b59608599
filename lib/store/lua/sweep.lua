#!lua flags=allow-oom
-- Sweeps one shard for a bounded time: looks at the swarms that are due, removes peers not heard from for a lifetime,
-- and writes when each swarm is due next. Safe with any number of sweepers: what is expired is decided here.
--
-- keys: torrents:{09a}, the shard's index (all that is touched is in its slot)
-- args: prefix     of all keys
--       lifetimeS  of a peer
--       budget     how much may be done, in peers looked at: 300 take about 1 ms. A swarm and a peer removed count as several
--       nowS       seconds since the epoch; empty: Redis's own clock
--       eventsMax  how many events are kept, about; 0: none is written
--       keptS      how long a torrent without peers is kept for its completed downloads; empty: for good
-- reply: 1 where the budget ended before the work, else 0; peers removed; torrents dropped; then a text for each
--        key that is damaged, and what is wrong with it
--
-- As in announce.lua, nothing may fail after the first write of what is done at once: the removal of a hash's peers.
-- include: swarm_head chunk_field chunk_of value_of write_piece add_to_totals check_totals merge_chunks tell_event removal_time damage whole_shard
local index, prefix, lifetimeS, budget = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local call, sub, byte = redis.call, string.sub, string.byte
local now, eventsMax, keptS = tonumber(ARGV[4]) or tonumber(call('TIME')[1]), tonumber(ARGV[5]) or 0, tonumber(ARGV[6] or '')
local cutoff = now - lifetimeS
local shard = sub(index, -5)
needWholeShard(prefix, shard)
local looked, removed, dropped, damaged = 0, 0, 0, {}

-- What a swarm takes of the budget, beside its peers: a dozen calls, which are as long as so many peers are looked at.
local LOOKS_PER_SWARM = 15
-- What a peer that is removed takes, beside that it is looked at.
local LOOKS_PER_REMOVED = 4
-- A large swarm always has a peer about to expire; it is looked at again after this share of a lifetime at the earliest.
local LARGE_SWARM_RESTS_S = math.floor(lifetimeS / 13)
-- The cursor after the four lists of peers: the endpoints whose download was counted.
local DONE = 4
local DONE_BATCH = 50
-- Torrents without a time when they are removed that are given one at once: a look each.
local DATED_BATCH = 100
-- More arguments than this are too many for one call; only a swarm that somebody else wrote has as many.
local FIELDS_PER_CALL = 2000
-- A sweep that was interrupted may go on hours later, and `counted` is then of before: what has filled up since stays.
local MERGED_PEERS_MAX = 4 * CHUNK_PEERS_MIN
-- In the place of an earliest last announce: there is more to do, look again.
local AT_ONCE = now - lifetimeS

local totals = prefix .. 'totals:' .. shard

-- The peers of one hash: by list, how many expired and which endpoints stay; which expired; and the earliest last
-- announce of those that stay, `earliest` included. `only`: the list that all must be of.
local function look(hash, earliest, only)
  local fields, expired, lost, staying = call('HGETALL', hash), {}, { [0] = 0, 0, 0, 0 }, { [0] = {}, {}, {}, {} }
  for i = 1, #fields, 2 do
    local endpoint, value = fields[i], fields[i + 1]
    if #endpoint == 6 or #endpoint == 18 then
      local role, announced = byte(value), #value >= 5 and struct.unpack('>I4', value, 2)
      if not announced or role > 1 then fault(hash, 'holds a peer that is none') end
      local list = role + (#endpoint == 18 and 2 or 0)
      if only and list ~= only then fault(hash, 'holds a peer of another list') end
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
  return lost, staying, expired, earliest
end

-- Removes expired peers of one hash, and writes the counts and the pieces that this leaves. Answers the head.
local function remove(key, hash, head, expired, lost, staying, fieldOf)
  if #expired == 0 then return head end
  local leechersLess, seedersLess = lost[0] + lost[2], lost[1] + lost[3]
  local leechers, seeders, completed = countsOf(head)
  leechers, seeders = leechers - leechersLess, seeders - seedersLess
  if leechers < 0 or seeders < 0 then fault(key, 'counts fewer peers than it holds') end
  addToTotals(totals, 'leechers', 0 - leechersLess, 'seeders', 0 - seedersLess)
  for from = 1, #expired, FIELDS_PER_CALL do
    call('HDEL', hash, unpack(expired, from, math.min(from + FIELDS_PER_CALL - 1, #expired)))
  end
  for list = 0, 3 do
    if lost[list] > 0 then writePiece(key, fieldOf(list), table.concat(staying[list])) end
  end
  head = headWithCounts(head, leechers, seeders, completed)
  call('HSET', key, 'head', head, 'seeders', seeders, 'leechers', leechers)
  removed, looked = removed + #expired, looked + LOOKS_PER_REMOVED * #expired
  return head
end

-- Forgets completed downloads of a lifetime ago, save of peers that are still here. Answers whether it is through.
local function forgetDone(key, head)
  local old = call('ZRANGEBYSCORE', key .. ':done', '-inf', cutoff, 'LIMIT', 0, DONE_BATCH)
  for _, endpoint in ipairs(old) do
    local value = (#endpoint == 6 or #endpoint == 18) and valueOf(key, head, #endpoint == 18 and 2 or 0, endpoint)
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
  local lost, staying, expired, earliest = look(key, now)
  head = remove(key, key, head, expired, lost, staying, function(list) return FIRST_FIELDS[list] end)
  return head, forgetDone(key, head) and earliest or AT_ONCE
end

-- Goes on with a large swarm where an earlier call stopped. Answers the head and the earliest last announce, or only
-- the head where the budget ended first.
local function sweepLarge(key, head, cursor)
  local list, number, counted, earliest = 0, 0, 0, now
  -- One that is not as it was written is no loss: the sweep starts anew.
  if cursor and #cursor == 11 and byte(cursor) <= DONE then
    list, number, counted, earliest = struct.unpack('>BI2I4I4', cursor)
  end
  while true do
    local chunks = list < DONE and chunksOf(head, list) or 0
    if list == DONE then
      if forgetDone(key, head) then break end
    elseif number < chunks then
      local field = chunkField(list, number)
      local chunk = chunkKey(key, field)
      local lost, staying, expired
      lost, staying, expired, earliest = look(chunk, earliest, list)
      head = remove(key, chunk, head, expired, lost, staying, function() return field end)
      number, counted, looked = number + 1, counted + #staying[list], looked + 1
    elseif chunks > 1 and counted < CHUNK_PEERS_MIN * chunks
      and peersMerged(key, head, list) <= MERGED_PEERS_MAX then
      checkMerge(key, head, list, list >= 2 and 18 or 6)
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

local function dropSwarm(key, infoHash, completed)
  addToTotals(totals, 'torrents', -1, completed > 0 and 'completed', -completed)
  call('DEL', key)
  call('ZREM', index, infoHash)
  tellEvent(prefix, eventsMax, 'evicted', key)
  dropped = dropped + 1
end

-- An emptied swarm keeps its count of completed downloads: till its time has come, which it gets once it remembers no endpoint.
local function settleEmpty(key, head, infoHash, wasDue, earliest)
  local _, _, completed = countsOf(head)
  local remembers = completed > 0 and call('EXISTS', key .. ':done') == 1
  if completed == 0 or keptS and not remembers and isRemovalTime(wasDue) then return dropSwarm(key, infoHash, completed) end
  if not isSmall(head) then call('HSET', key, 'head', headWithChunksOfAll(head, NO_CHUNKS)) end
  call('ZADD', index, remembers and earliest + lifetimeS or '+inf', infoHash)
end

local function sweepSwarm(key, infoHash, wasDue)
  looked = looked + LOOKS_PER_SWARM -- before anything can fail: what is damaged counts as well
  local fields = call('HMGET', key, 'head', 'sweep')
  local head, earliest = fields[1], nil
  if not head then
    if call('EXISTS', key) == 1 then fault(key, 'has no head') end
    return call('ZREM', index, infoHash)
  end
  if #head ~= HEAD_BYTES then fault(key, 'has a head of ' .. #head .. ' bytes, not ' .. HEAD_BYTES) end
  call('ZCARD', key .. ':done') -- fails where it is no sorted set
  local wasSmall = isSmall(head)
  if wasSmall then head, earliest = sweepSmall(key, head) else head, earliest = sweepLarge(key, head, fields[2]) end
  if not earliest then return end
  local leechers, seeders = countsOf(head)
  if leechers + seeders == 0 then return settleEmpty(key, head, infoHash, wasDue, earliest) end
  local due = earliest + lifetimeS
  if not wasSmall then due = math.max(due, now + LARGE_SWARM_RESTS_S) end
  call('ZADD', index, due, infoHash)
end

-- Gives torrents that are kept, and have no time yet, that of their removal: what was emptied just now, what an import has made, and what
-- a listed tracker has kept for good.
local function dateKept()
  if not keptS then return 0 end
  local kept = call('ZRANGEBYSCORE', index, '+inf', '+inf', 'LIMIT', 0, DATED_BATCH)
  for _, infoHash in ipairs(kept) do call('ZADD', index, removalTime(now, keptS), infoHash) end
  return #kept == DATED_BATCH and 1 or 0
end

-- Where the totals are damaged, no count of the shard can be changed.
local function sweepShard()
  checkTotals(totals)
  while looked < budget do
    local infoHash, wasDue = unpack(call('ZRANGEBYSCORE', index, '-inf', now, 'WITHSCORES', 'LIMIT', 0, 1))
    if not infoHash then return dateKept() end
    local key = prefix .. 'swarm:' .. shard .. ':' .. infoHash
    -- A damaged swarm must not keep the rest of its shard from being swept.
    local ran, problem = pcall(sweepSwarm, key, infoHash, wasDue)
    if not ran then
      call('ZADD', index, now + lifetimeS, infoHash)
      damaged[#damaged + 1] = damageText(problem, key, { [key] = 'hash', [key .. ':done'] = 'zset', [lastChunk or key] = 'hash' })
    end
  end
  return 1
end

local ran, result = pcall(sweepShard)
if ran then return { result, removed, dropped, unpack(damaged) } end
damaged[#damaged + 1] = damageText(result, index, { [index] = 'zset', [totals] = 'hash' })
return { 0, removed, dropped, unpack(damaged) }
