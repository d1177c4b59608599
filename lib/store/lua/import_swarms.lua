#!lua flags=allow-cross-slot-keys
-- Takes over swarms with their peers, as an announce of each at the time when it was would have left them. Of a peer that is
-- here, too, the later announce counts, a torrent has at least as many completed downloads as are told, and came to be when it first did.
-- Done twice, it changes nothing the second time.
--
-- keys: none declared (a batch reaches every slot of its node)
-- args: prefix     of all keys
--       lifetimeS  of a peer
--       seed       of this call's chance: Redis starts math.random alike for every script
--       isCluster  '1' where slots can move
--       then per swarm
--         infoHash   40 hex
--         added      when it came to be, in seconds since the epoch; 0: not known
--         completed  at least so many
--         peers      one after another: list (1 byte: 1 seeder, 2 IPv6, 4 with details), last announce u32, endpoint, 45 bytes of details
--         done       who has completed: width of the endpoint (1 byte), time u32, endpoint
-- reply: per swarm 2 where it comes to be, 1 where it was changed, 0 where it is as it was, 3 where nothing of it is left; then how many peers are new, were announced
--        later than they were here, are here as late or later, and are expired. Or which key is damaged and what is wrong with it,
--        or `moving`, where its slot is not here, or not whole, and nothing was done; and four zeros
--
-- No event is told, as of import_completed.lua. As in announce.lua, nothing may fail after the first write of what belongs together.
-- What an announce calls takes `now` for its time: here it is that of the peer's last announce.
local call, sub, byte = redis.call, string.sub, string.byte
local prefix, lifetimeS, eventsMax, isCluster, peersMax, now
-- include: announce_names announce_standing announce_enter import_count removal_time check_totals value_of damage
local CREATED, CHANGED, AS_IT_WAS, GONE = 2, 1, 0, 3
local DETAILS, DETAILS_BYTES = 4, 45
local COMPLETED_MAX = 2 ^ 32 - 1
local time, cutoff

local function headOf(key) return call('HGET', key, 'head') end

local NEW, LATER, KEPT, EXPIRED = 1, 2, 3, 4

-- Takes over one peer; answers the swarm's head, and what became of the peer.
local function importPeer(key, head, list, announced, endpoint, details)
  if announced <= cutoff then return head, EXPIRED end
  now = math.min(announced, time)
  local value = struct.pack('>BI4', list % 2, now) .. details
  if not head then return create(key, list, endpoint, value), NEW end
  local known = valueOf(key, head, list, endpoint)
  if known then
    if #known < 5 then fault(key, 'holds a peer that is none') end
    local _, last = struct.unpack('>BI4', known)
    if last >= now then return head, KEPT end
  end
  if isSmall(head) then
    head = joinSmall(key, head, list, endpoint, value, smallPieces(key, list, {}))
  else
    head = joinChunk(key, head, list, fieldOf(head, list, endpoint), endpoint, value)
  end
  return head, known and LATER or NEW
end

local function importPeers(key, head, peers, tally)
  local at, earliest = 1, nil
  while at <= #peers do
    local flags, announced = struct.unpack('>BI4', peers, at)
    local list = flags % DETAILS
    local endpointAt = at + 5
    local detailsAt = endpointAt + (list >= 2 and 18 or 6)
    at = detailsAt + (flags >= DETAILS and DETAILS_BYTES or 0)
    local outcome
    head, outcome = importPeer(key, head, list, announced, sub(peers, endpointAt, detailsAt - 1), sub(peers, detailsAt, at - 1))
    tally[outcome] = tally[outcome] + 1
    if outcome <= LATER and (not earliest or now < earliest) then earliest = now end
  end
  return head, earliest
end

-- Remembers who has completed; answers how many are remembered.
local function importDone(key, done)
  local at = 1
  while at <= #done do
    local width, when = struct.unpack('>BI4', done, at)
    if when > cutoff then call('ZADD', key .. ':done', 'NX', math.min(when, time), sub(done, at + 5, at + 4 + width)) end
    at = at + 5 + width
  end
  return call('ZCARD', key .. ':done')
end

local function importSwarm(infoHash, added, completed, peers, done, tally)
  local key, totals, index = keysOf(prefix, infoHash)
  if isCluster then checkPlace(key) end
  local had = headOf(key)
  if had and #had ~= HEAD_BYTES then fault(key, 'has a head of ' .. #had .. ' bytes, not ' .. HEAD_BYTES) end
  checkTotals(totals)
  call('ZCARD', index)
  local remembered = call('ZCARD', key .. ':done')
  local head, earliest = importPeers(key, had, peers, tally)
  local isChanged = tally[NEW] + tally[LATER] > 0
  if not head then
    -- Nobody is left of what had not even a completed download.
    if completed == 0 then return GONE end
    head = createCounted(prefix, infoHash, completed, time, true)
    isChanged = true
  end
  local after = importDone(key, done)
  if after > remembered then isChanged = true end
  if raiseCompleted(prefix, infoHash, head, math.min(math.max(completed, after), COMPLETED_MAX), true) then isChanged = true end
  if earliest then call('ZADD', index, 'LT', earliest + lifetimeS, infoHash) end
  if after > remembered then
    local isToBeRemoved = isRemovalTime(call('ZSCORE', index, infoHash))
    now = time
    putInIndex(key, isToBeRemoved)
  end
  local since = had and tonumber(call('HGET', key, 'added') or '')
  if added > 0 and not (since and since <= added) then call('HSET', key, 'added', math.min(added, time)) end
  return not had and CREATED or isChanged and CHANGED or AS_IT_WAS
end

return function(KEYS, ARGV)
  prefix, lifetimeS, eventsMax, isCluster, peersMax = ARGV[1], tonumber(ARGV[2]), 0, ARGV[4] == '1', math.huge
  math.randomseed(tonumber(ARGV[3]))
  time = tonumber(call('TIME')[1])
  cutoff = time - lifetimeS
  local replies = {}
  for i = 5, #ARGV, 5 do
    lastChunk = nil
    local infoHash, tally = ARGV[i], { 0, 0, 0, 0 }
    local ran, result = pcall(importSwarm, infoHash, tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), ARGV[i + 3], ARGV[i + 4], tally)
    if not ran then
      local key, totals, index = keysOf(prefix, infoHash)
      local types = { [key] = 'hash', [key .. ':done'] = 'zset', [lastChunk or key] = 'hash', [totals] = 'hash', [index] = 'zset' }
      result = isMoving(result) and 'moving' or damageText(result, key, types)
      tally = { 0, 0, 0, 0 }
    end
    replies[#replies + 1] = result
    for _, count in ipairs(tally) do replies[#replies + 1] = count end
  end
  return replies
end
