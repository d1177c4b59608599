#!lua flags=allow-cross-slot-keys
-- Applies announces in the order given and answers each with its swarm's head and with peers.
--
-- keys: none declared (a batch reaches every slot of its node)
-- args: prefix      of all keys
--       lifetimeS   of a peer
--       reportBytes 45 where details of peers are kept, 0 where not
--       listed      '1' where only whitelisted torrents are served
--       seed        of this call's chance: Redis starts math.random alike for every script
--       nowS        seconds since the epoch; empty: Redis's own clock
--       records     one after another:
--         key       of the swarm, as text: <prefix>swarm:{09a}:<40 hex>
--         flags     1 byte: 1 seeder, 2 IPv6, 4 * event (BEP 15's number), 16 peer ids are asked for, 32 a passkey follows
--         numwant   1 byte
--         report    peer id 20, downloaded 8, left 8, uploaded 8, event 1
--         endpoint  6 bytes, or 18 of IPv6
--         passkey   1 byte of length and as many of text
--       eventsMax   how many events are kept, about; 0: none is written
-- reply: two elements per record: the head (24 bytes) and endpoints in wire form (each followed by its peer id where
--        asked for), or nil and why the announce was refused: `unlisted`, or `damaged` and what is wrong with which key.
--        The endpoints are all there are, or at least numwant. The asker may be among them: the frontend takes it out
--        and cuts a random window, since every string made here is hashed byte by byte (1.5 ns each).
--
-- Nothing may fail after the first write of an announce, since nothing that a script wrote is taken back: peers are
-- chosen first, and all that a change of counts touches is looked at before.
-- include: swarm_head other_role chunk_field chunk_of value_of piece_without write_piece add_to_totals check_totals
-- include: grow_swarm split_chunk merge_chunks choose_peers credit_account tell_event damage
local prefix, lifetimeS, reportBytes, listed = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == '1'
local records, eventsMax = ARGV[7], tonumber(ARGV[8]) or 0
local call, sub, byte = redis.call, string.sub, string.byte
local now = tonumber(ARGV[6]) or tonumber(call('TIME')[1])
math.randomseed(tonumber(ARGV[5]))

-- A swarm is small, its peers fields of its own hash, up to so many peers and so long a piece: past 64 bytes a value
-- would end the compact encoding of the hash.
local SMALL_PEERS_MAX, SMALL_PIECE_BYTES_MAX = 10, 60
-- A chunk of more endpoints is split. 40 costs 1.3 us more an announce; 80 costs as little, with longer replies.
local CHUNK_PEERS_MAX = 56
local COMPLETED, STOPPED = 1, 3
local keyBytes = #prefix + 52
local VALUE_HEADS = { [0] = struct.pack('>BI4', 0, now), struct.pack('>BI4', 1, now) }

local function roleName(list) return list % 2 == 1 and 'seeders' or 'leechers' end
local function shardOf(key) return sub(key, #prefix + 7, #prefix + 11) end
local function totalsOf(key) return prefix .. 'totals:' .. shardOf(key) end
local function indexOf(key) return prefix .. 'torrents:' .. shardOf(key) end

-- Never later than it was due: a swarm that empties and fills again must not put off its sweep each time.
local function putInIndex(key) call('ZADD', indexOf(key), 'LT', now + lifetimeS, sub(key, -40)) end

local function create(key, list, endpoint, value)
  if call('EXISTS', key) == 1 then fault(key, 'has no head') end
  call('ZCARD', indexOf(key)) -- fails where it cannot be written to
  addToTotals(totalsOf(key), 'torrents', 1, roleName(list), 1)
  local seeders = list % 2
  local head = struct.pack('>I4I4I4', 1 - seeders, seeders, 0) .. NO_CHUNKS .. struct.pack('>I4', math.random(2, CHUNK_HASH_PRIME - 1))
  call('HSET', key, 'head', head, 'seeders', seeders, 'leechers', 1 - seeders, 'completed', '0', 'added', now,
    endpoint, value, FIRST_FIELDS[list], endpoint)
  putInIndex(key)
  tellEvent(prefix, eventsMax, 'added', key)
  return head
end

-- Where an endpoint stands in a list: the field of its piece, and the piece without it. Nothing where it is not there.
-- `own`: its value in a small swarm.
local function standing(key, head, list, own, endpoint)
  local chunks, field = chunksOf(head, list), FIRST_FIELDS[list]
  if chunks == 0 then
    if not own then return end
    local role = byte(own)
    if not role or role > 1 then fault(key, 'holds a peer of no role') end
    if role ~= list % 2 then return end
  else
    field = chunkField(list, chunkOf(head, endpoint, chunks))
    if call('HEXISTS', chunkKey(key, field), endpoint) == 0 then return end
  end
  local piece = call('HGET', key, field)
  local rest = piece and #piece % #endpoint == 0 and pieceWithout(piece, endpoint, #endpoint)
  if not rest then fault(key, 'holds a peer that is not in its piece ' .. field) end
  return field, rest
end

-- Whether a chunk is to be given back. Not while a sweep is halfway: the last chunk, not looked at yet, would go where the
-- sweep has been; it gives chunks back by itself.
local function leavesTooFew(key, head, list, rest, width)
  return #rest < CHUNK_PEERS_MIN * width and chunksOf(head, list) > 1 and call('HEXISTS', key, 'sweep') == 0
end

-- Takes an endpoint out of where it stands in a list, and gives a chunk back where that leaves too few in it.
local function withdraw(key, head, list, field, rest, endpoint)
  if chunksOf(head, list) > 0 then call('HDEL', chunkKey(key, field), endpoint) end
  writePiece(key, field, rest)
  return leavesTooFew(key, head, list, rest, #endpoint) and mergeChunks(key, head, list) or head
end

-- The counts of a head after so many came or went; damaged where there are fewer than are said to go.
local function changedCounts(key, head, leechersMore, seedersMore)
  local leechers, seeders, completed = countsOf(head)
  leechers, seeders = leechers + leechersMore, seeders + seedersMore
  if leechers < 0 or seeders < 0 then fault(key, 'counts fewer peers than it holds') end
  return leechers, seeders, completed
end

-- Lets a peer in that is new in its list; it leaves the other role's, where it was in that. `value`: what is still to be
-- written into a small swarm, `own` what is there. Answers the head.
local function enter(key, head, list, own, endpoint, value, field)
  local width, other = #endpoint, otherRole(list)
  local otherField, otherRest = standing(key, head, other, own, endpoint)
  local seedersMore = list % 2 == 1 and 1 or otherField and -1 or 0
  local leechersMore = list % 2 == 0 and 1 or otherField and -1 or 0
  local leechers, seeders, completed = changedCounts(key, head, leechersMore, seedersMore)
  local piece = (call('HGET', key, field) or '') .. endpoint
  if #piece % width ~= 0 then fault(key, 'has a cut piece ' .. field) end
  local grows = value and (leechers + seeders > SMALL_PEERS_MAX or #piece > SMALL_PIECE_BYTES_MAX)
  local splits = not value and #piece > CHUNK_PEERS_MAX * width
    and (list % 2 == 1 and seeders or leechers) >= CHUNK_PEERS_MIN * chunksOf(head, list)
  if grows then checkGrowth(key) end
  if splits then checkSplit(key, head, list, width) end
  if otherField and leavesTooFew(key, head, other, otherRest, width) then checkMerge(key, head, other, width) end

  local wasEmpty = leechers - leechersMore + seeders - seedersMore == 0
  if wasEmpty then call('ZCARD', indexOf(key)) end
  addToTotals(totalsOf(key), roleName(list), 1, otherField and roleName(other), -1)
  if wasEmpty then putInIndex(key) end
  if value then call('HSET', key, endpoint, value) end
  if otherField then head = withdraw(key, head, other, otherField, otherRest, endpoint) end
  head = headWithCounts(head, leechers, seeders, completed)
  if otherField then
    call('HSET', key, 'head', head, 'seeders', seeders, 'leechers', leechers, field, piece)
  else
    call('HSET', key, 'head', head, roleName(list), list % 2 == 1 and seeders or leechers, field, piece)
  end
  if grows then return growSwarm(key, head) end
  return splits and splitChunk(key, head, list) or head
end

-- Writes the announcing peer. `own`: its value in a small swarm. Answers the head.
local function join(key, head, list, own, endpoint, value)
  local chunks = chunksOf(head, list)
  if chunks == 0 then
    if not own or byte(own) ~= list % 2 then return enter(key, head, list, own, endpoint, value, FIRST_FIELDS[list]) end
    call('HSET', key, endpoint, value)
    return head
  end
  local field = chunkField(list, chunkOf(head, endpoint, chunks))
  local chunk = chunkKey(key, field)
  if call('HSET', chunk, endpoint, value) == 0 then return head end
  -- Few are new: the rest is looked at only now, and the peer taken back where there is damage.
  local ran, result = pcall(enter, key, head, list, nil, endpoint, nil, field)
  if ran then return result end
  call('HDEL', chunk, endpoint)
  error(result, 0)
end

-- Counts a completed download, once for an endpoint until the sweep forgets it. Its keys were checked.
local function complete(key, head, endpoint)
  if call('ZADD', key .. ':done', 'NX', now, endpoint) == 0 then return head end
  addToTotals(totalsOf(key), 'completed', 1)
  local leechers, seeders, completed = countsOf(head)
  head = headWithCounts(head, leechers, seeders, completed + 1)
  call('HSET', key, 'head', head, 'completed', completed + 1)
  tellEvent(prefix, eventsMax, 'completed', key)
  return head
end

local function leave(key, head, list, own, endpoint)
  local was = list
  local field, rest = standing(key, head, list, own, endpoint)
  if not field then
    was = otherRole(list)
    field, rest = standing(key, head, was, own, endpoint)
    if not field then return head end
  end
  local leechers, seeders, completed = changedCounts(key, head, was % 2 - 1, -(was % 2))
  local isLast = leechers + seeders + completed == 0
  if isLast then call('ZCARD', indexOf(key)) end
  if leavesTooFew(key, head, was, rest, #endpoint) then checkMerge(key, head, was, #endpoint) end

  addToTotals(totalsOf(key), roleName(was), -1, isLast and 'torrents', -1)
  head = withdraw(key, head, was, field, rest, endpoint)
  if isLast then
    call('DEL', key)
    call('ZREM', indexOf(key), sub(key, -40))
    tellEvent(prefix, eventsMax, 'evicted', key)
    return nil
  end
  if own then call('HDEL', key, endpoint) end
  head = headWithCounts(head, leechers, seeders, completed)
  if leechers + seeders == 0 and not isSmall(head) then
    head = headWithChunksOfAll(head, NO_CHUNKS)
    call('HDEL', key, 'sweep')
  end
  call('HSET', key, 'head', head, roleName(was), was % 2 == 1 and seeders or leechers)
  return head
end

-- At most numwant of the endpoints, not the asker's own, each followed by its peer id.
local function withPeerIds(key, head, list, endpoint, numwant, peers)
  local width, found = #endpoint, {}
  local total = #peers / width
  local start = total > 0 and math.random(0, total - 1) or 0
  for i = 0, total - 1 do
    if #found == numwant then break end
    local at = (start + i) % total * width
    local peer = sub(peers, at + 1, at + width)
    local value = peer ~= endpoint and valueOf(key, head, otherRole(list), peer)
    -- One that was kept without details has no id to tell.
    if value and #value >= VALUE_BYTES then found[#found + 1] = peer .. sub(value, 6, 25) end
  end
  return table.concat(found)
end

-- One announce; `at`: where its record's flags are. Answers the head (nil: no such swarm, or no longer) and the peers.
local function announce(key, at)
  local flags, numwant = byte(records, at, at + 1)
  local list = flags % 4
  local event = (flags - list) / 4 % 4
  local endpointAt = at + 2 + reportBytes
  local endpoint = sub(records, endpointAt, endpointAt + (list >= 2 and 17 or 5))
  if listed and call('SISMEMBER', prefix .. 'whitelist:' .. shardOf(key), sub(key, -40)) == 0 then
    return nil, nil, 'unlisted'
  end
  local fields = call('HMGET', key, 'head', endpoint, FIRST_FIELDS[otherRole(list)], FIRST_FIELDS[list])
  local head, own = fields[1], fields[2]
  if head and #head ~= HEAD_BYTES then fault(key, 'has a head of ' .. #head .. ' bytes, not ' .. HEAD_BYTES) end
  local peers = ''
  if head and numwant > 0 and event ~= STOPPED then
    peers = choosePeers(key, head, list, #endpoint, numwant, fields[3], fields[4])
    if flags % 32 >= 16 then peers = withPeerIds(key, head, list, endpoint, numwant, peers) end
  end
  local report = sub(records, at + 2, endpointAt - 1)
  local passkey, account, before
  if flags >= 32 and reportBytes > 0 then
    local passkeyAt = endpointAt + #endpoint
    passkey = sub(records, passkeyAt + 1, passkeyAt + byte(records, passkeyAt))
    account = prefix .. 'accounts:' .. shardOf(key)
    before = head and (own or valueOf(key, head, list, endpoint))
    checkAccount(account, passkey)
  end
  local completes = event == COMPLETED and list % 2 == 1
  if completes then
    checkTotals(totalsOf(key))
    call('ZCARD', key .. ':done')
  end

  if event == STOPPED then
    head = head and leave(key, head, list, own, endpoint)
  elseif not head then
    head = create(key, list, endpoint, VALUE_HEADS[list % 2] .. report)
  else
    head = join(key, head, list, own, endpoint, VALUE_HEADS[list % 2] .. report)
  end
  if completes then head = complete(key, head, endpoint) end
  if account then creditAccount(account, passkey, before, report) end
  return head, peers
end

-- What may be of a wrong type, where Redis says that something is.
local function typesOf(key)
  local shard = shardOf(key)
  return {
    [key] = 'hash', [key .. ':done'] = 'zset', [lastChunk or key] = 'hash', [prefix .. 'accounts:' .. shard] = 'hash',
    [totalsOf(key)] = 'hash', [indexOf(key)] = 'zset', [prefix .. 'whitelist:' .. shard] = 'set',
  }
end

local EMPTY_HEAD = string.rep('\0', HEAD_BYTES)
local replies, filled, at, size = {}, 0, 1, #records
while at < size do
  local key = sub(records, at, at + keyBytes - 1)
  at = at + keyBytes
  -- A damaged swarm must not take the rest of the batch with it.
  local ran, head, peers, refusal = pcall(announce, key, at)
  if not ran then
    replies[filled + 1], replies[filled + 2] = false, 'damaged ' .. damageText(head, key, typesOf(key))
  elseif refusal then
    replies[filled + 1], replies[filled + 2] = false, refusal
  else
    replies[filled + 1], replies[filled + 2] = head or EMPTY_HEAD, peers
  end
  filled = filled + 2
  local flags = byte(records, at)
  at = at + 2 + reportBytes + (flags % 4 >= 2 and 18 or 6)
  if flags >= 32 then at = at + 1 + byte(records, at) end
end
return replies
