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
-- reply: two elements per record: the head (24 bytes) and endpoints in wire form (each followed by its peer id where
--        asked for), or nil and a word that says why the announce was refused.
--        The endpoints are all there are, or at least numwant. A leecher may find itself among them: the frontend takes
--        it out and cuts a random window, since every string made here is hashed byte by byte (1.5 ns each).
-- include: swarm_head other_role chunk_field chunk_of value_of piece_without write_piece add_to_total
-- include: grow_swarm split_chunk merge_chunks credit_account
local prefix, lifetimeS, reportBytes, listed = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == '1'
local records = ARGV[7]
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
local function count(key, field, by) addToTotal(prefix, shardOf(key), field, by) end

-- Never later than it was due: a swarm that empties and fills again must not put off its sweep each time.
local function putInIndex(key)
  call('ZADD', prefix .. 'torrents:' .. shardOf(key), 'LT', now + lifetimeS, sub(key, -40))
end

-- Raises an error where another key than the swarm's own is of a wrong type: nothing may fail after the first write,
-- since nothing that a script wrote is taken back.
local function checkTypes(key)
  call('HLEN', prefix .. 'totals:' .. shardOf(key))
  call('ZCARD', prefix .. 'torrents:' .. shardOf(key))
end

local function create(key, list, endpoint, value)
  checkTypes(key)
  local seeders = list % 2
  local head = struct.pack('>I4I4I4', 1 - seeders, seeders, 0) .. NO_CHUNKS .. struct.pack('>I4', math.random(2, CHUNK_HASH_PRIME - 1))
  count(key, 'torrents', 1)
  count(key, roleName(list), 1)
  call('HSET', key, 'head', head, 'seeders', seeders, 'leechers', 1 - seeders, 'completed', '0', 'added', now,
    endpoint, value, FIRST_FIELDS[list], endpoint)
  putInIndex(key)
  return head
end

-- Takes an endpoint out of a chunk's piece, and gives a chunk back where that leaves too little in it. Answers the head
-- and what is left.
local function withdraw(key, head, list, field, endpoint)
  local piece = pieceWithout(call('HGET', key, field), endpoint, #endpoint)
  writePiece(key, field, piece)
  if #piece < CHUNK_PEERS_MIN * #endpoint and chunksOf(head, list) > 1 then head = mergeChunks(key, head, list) end
  return head, piece
end

-- Takes an endpoint out of the other role's list, where it has just changed roles. Answers the head, whether it was
-- there, and what then stands in that list's first piece.
local function leaveOtherRole(key, head, list, own, endpoint, firstPiece)
  local other, field = otherRole(list), nil
  local chunks = chunksOf(head, other)
  if chunks == 0 then
    if not own then return head, false, firstPiece end
    field = FIRST_FIELDS[other]
  else
    field = chunkField(other, chunkOf(head, endpoint, chunks))
    if call('HDEL', key .. ':' .. field, endpoint) == 0 then return head, false, firstPiece end
  end
  local piece
  head, piece = withdraw(key, head, other, field, endpoint)
  if chunks > 1 then return head, true, call('HGET', key, FIRST_FIELDS[other]) end
  return head, true, piece
end

-- Writes the announcing peer. `own`: its value in a small swarm; `firstPiece`: the other role's. Answers both anew.
local function join(key, head, list, own, endpoint, value, firstPiece)
  if not head then return create(key, list, endpoint, value), firstPiece end
  local chunks, field = chunksOf(head, list), FIRST_FIELDS[list]
  if chunks == 0 then
    if own and byte(own) == list % 2 then
      call('HSET', key, endpoint, value)
      return head, firstPiece
    end
    checkTypes(key)
    call('HSET', key, endpoint, value)
  else
    field = chunkField(list, chunkOf(head, endpoint, chunks))
    if call('HSET', key .. ':' .. field, endpoint, value) == 0 then return head, firstPiece end
    -- Checked only now, since most announces change no count; the peer is taken back where the check fails.
    if not pcall(checkTypes, key) then
      call('HDEL', key .. ':' .. field, endpoint)
      checkTypes(key)
    end
  end
  local leechers, seeders, completed = countsOf(head)
  if leechers + seeders == 0 then putInIndex(key) end
  local moved
  head, moved, firstPiece = leaveOtherRole(key, head, list, own, endpoint, firstPiece)
  local seedersMore = list % 2 == 1 and 1 or moved and -1 or 0
  local leechersMore = list % 2 == 0 and 1 or moved and -1 or 0
  head = headWithCounts(head, leechers + leechersMore, seeders + seedersMore, completed)
  local piece = (call('HGET', key, field) or '') .. endpoint
  if moved then
    call('HSET', key, 'head', head, 'seeders', seeders + seedersMore, 'leechers', leechers + leechersMore, field, piece)
    count(key, roleName(otherRole(list)), -1)
  else
    call('HSET', key, 'head', head, roleName(list), list % 2 == 1 and seeders + 1 or leechers + 1, field, piece)
  end
  count(key, roleName(list), 1)
  if chunks == 0 then
    if leechers + leechersMore + seeders + seedersMore > SMALL_PEERS_MAX or #piece > SMALL_PIECE_BYTES_MAX then head = growSwarm(key, head) end
  elseif #piece > CHUNK_PEERS_MAX * #endpoint then
    head = splitChunk(key, head, list)
  end
  return head, firstPiece
end

-- Counts a completed download, once for an endpoint until the sweep forgets it.
local function complete(key, head, endpoint)
  if call('ZADD', key .. ':done', 'NX', now, endpoint) == 0 then return head end
  local leechers, seeders, completed = countsOf(head)
  head = headWithCounts(head, leechers, seeders, completed + 1)
  call('HSET', key, 'head', head, 'completed', completed + 1)
  count(key, 'completed', 1)
  return head
end

-- Deletes the value of an endpoint. Answers the list and the field of the piece that it was in, or nothing.
local function deletePeer(key, head, list, own, endpoint)
  if chunksOf(head, list) == 0 then
    if not own then return end
    call('HDEL', key, endpoint)
    local was = byte(own) + (list >= 2 and 2 or 0)
    return was, FIRST_FIELDS[was]
  end
  for _, maybe in ipairs({ list, otherRole(list) }) do
    local field = chunkField(maybe, chunkOf(head, endpoint, chunksOf(head, maybe)))
    if call('HDEL', key .. ':' .. field, endpoint) == 1 then return maybe, field end
  end
end

local function leave(key, head, list, own, endpoint)
  checkTypes(key)
  local was, field = deletePeer(key, head, list, own, endpoint)
  if not was then return head end
  local leechers, seeders, completed = countsOf(head)
  if was % 2 == 1 then seeders = seeders - 1 else leechers = leechers - 1 end
  count(key, roleName(was), -1)
  if leechers + seeders + completed == 0 then
    call('DEL', key)
    call('ZREM', prefix .. 'torrents:' .. shardOf(key), sub(key, -40))
    count(key, 'torrents', -1)
    return nil
  end
  head = withdraw(key, head, was, field, endpoint)
  head = headWithCounts(head, leechers, seeders, completed)
  if leechers + seeders == 0 and not isSmall(head) then
    head = headWithChunksOfAll(head, NO_CHUNKS)
    call('HDEL', key, 'sweep')
  end
  call('HSET', key, 'head', head, roleName(was), was % 2 == 1 and seeders or leechers)
  return head
end

-- Chunks hold 14 peers on average at least, so that a few are enough. Only while a swarm that most have left at once is
-- being swept may so many hold too few: 45 us, the most that one reply may cost.
local CHUNKS_READ_MAX = 100

-- Pieces of a list, whole, from a random one on, till they hold `bytesWanted` or there are no more.
local function gather(key, list, chunks, bytesWanted)
  if chunks <= 1 then return call('HGET', key, FIRST_FIELDS[list]) or '' end
  local number, peers = math.random(0, chunks - 1), ''
  for _ = 1, math.min(chunks, CHUNKS_READ_MAX) do
    local piece = call('HGET', key, chunkField(list, number))
    if piece then peers = peers == '' and piece or peers .. piece end
    if #peers >= bytesWanted then return peers end
    number = (number + 1) % chunks
  end
  return peers
end

-- Endpoints for a peer of `list`: a seeder is given leechers; a leecher seeders, and leechers where those are too few.
local function choosePeers(key, head, list, endpoint, numwant, firstPiece)
  local width, other = #endpoint, otherRole(list)
  local bytesWanted, chunks, peers = numwant * width, chunksOf(head, other), firstPiece or ''
  if chunks > 1 then peers = gather(key, other, chunks, bytesWanted) end
  if list % 2 == 1 or #peers >= bytesWanted then return peers end
  -- One more than wanted, in case the asker finds itself.
  local more = gather(key, list, chunksOf(head, list), bytesWanted + width)
  if more == endpoint then return peers end
  local room = bytesWanted - #peers + width
  if #more > room then
    local at = math.random(0, #more / width - 1) * width
    more = sub(more, at + 1, at + room) .. sub(more, 1, math.max(0, at + room - #more))
  end
  return peers .. more
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
  local fields = call('HMGET', key, 'head', endpoint, FIRST_FIELDS[otherRole(list)])
  local head, own, firstPiece = fields[1], fields[2], fields[3]
  if head and #head ~= HEAD_BYTES then return nil, nil, 'damaged' end
  local report = sub(records, at + 2, endpointAt - 1)
  if flags >= 32 and reportBytes > 0 then
    local passkeyAt = endpointAt + #endpoint
    local passkey = sub(records, passkeyAt + 1, passkeyAt + byte(records, passkeyAt))
    local before = head and (own or valueOf(key, head, list, endpoint))
    creditAccount(prefix .. 'accounts:' .. shardOf(key), passkey, before, report)
  end
  if event == COMPLETED then call('ZCARD', key .. ':done') end -- its type is checked before the first write, too
  if event == STOPPED then return head and leave(key, head, list, own, endpoint), '' end
  head, firstPiece = join(key, head, list, own, endpoint, VALUE_HEADS[list % 2] .. report, firstPiece)
  if event == COMPLETED and list % 2 == 1 then head = complete(key, head, endpoint) end
  if numwant == 0 then return head, '' end
  local peers = choosePeers(key, head, list, endpoint, numwant, firstPiece)
  if flags % 32 >= 16 then peers = withPeerIds(key, head, list, endpoint, numwant, peers) end
  return head, peers
end

local EMPTY_HEAD = string.rep('\0', HEAD_BYTES)
local replies, filled, at, size = {}, 0, 1, #records
while at < size do
  local key = sub(records, at, at + keyBytes - 1)
  at = at + keyBytes
  -- A damaged swarm must not take the rest of the batch with it.
  local ran, head, peers, refusal = pcall(announce, key, at)
  if not ran then
    replies[filled + 1], replies[filled + 2] = false, 'damaged ' .. key .. ' ' .. (type(head) == 'table' and head.err or tostring(head))
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
