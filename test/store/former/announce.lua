#!lua flags=allow-cross-slot-keys
-- announce.lua, its includes put in, as a version before Clusters had it: it takes eight arguments, and never says `moving`.
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
--         list      1 byte: 1 seeder, 2 IPv6
--         numwant   1 byte
--         large     1 byte: 1 where the swarm is believed to be large, and what comes next true
--         special   1 byte: 0 as most are; 1 a seeder's `completed`, 2 `stopped`, 4 peer ids are asked for, 8 a passkey
--         from      7 bytes: the field of a piece of the other role's, to answer from: <l|s><4|6>:<4 hex>
--         own       7 bytes: the field of the chunk that the peer is in
--         chunks    12 bytes: what `own` was chosen by, the last 12 bytes of the head as the frontend saw it last
--         report    peer id 20, downloaded 8, left 8, uploaded 8, event 1
--         endpoint  6 bytes, or 18 of IPv6
--         passkey   where special says so, 1 byte of length and as many of text
--       eventsMax   how many events are kept, about; 0: none is written
-- reply: two elements per record: the head (24 bytes) and endpoints in wire form (each followed by its peer id where
--        asked for), or nil and why the announce was refused: `unlisted`, or `damaged` and what is wrong with which key.
--        The endpoints are all there are, or at least numwant. The asker may be among them: the frontend takes it out
--        and cuts a random window, since every string made here is hashed byte by byte (1.5 ns each).
--
-- An announce of a peer that is known already is what nearly all of a tracker's work is: it costs two calls, HMGET and
-- HSET, and what it does not need is left to functions that it does not call.
--
-- Nothing may fail after the first write of an announce, since nothing that a script wrote is taken back: peers are
-- chosen first, and all that a change of counts touches is looked at before.
-- The packed head of a swarm, 24 bytes: leechers, seeders, completed (u32 each), then how many chunks hold the peers of
-- each list (u16 each; all zero in a small swarm, which keeps its peers in its own hash), then the salt (u32) that
-- chunks are chosen by.
-- A list is numbered role + 2 * family: 0 l4, 1 s4, 2 l6, 3 s6.
local HEAD_BYTES = 24
local NO_CHUNKS, ONE_CHUNK_EACH = string.rep('\0', 8), string.rep('\0\1', 4)

local function countsOf(head)
  return struct.unpack('>I4I4I4', head)
end

local function chunksOf(head, list)
  local high, low = string.byte(head, 13 + 2 * list, 14 + 2 * list)
  return high * 256 + low
end

local function isSmall(head)
  return string.sub(head, 13, 20) == NO_CHUNKS
end

local function headWithCounts(head, leechers, seeders, completed)
  return struct.pack('>I4I4I4', leechers, seeders, completed) .. string.sub(head, 13)
end

local function headWithChunks(head, list, chunks)
  return string.sub(head, 1, 12 + 2 * list) .. struct.pack('>I2', chunks) .. string.sub(head, 15 + 2 * list)
end

local function headWithChunksOfAll(head, chunks)
  return string.sub(head, 1, 12) .. chunks .. string.sub(head, 21)
end
-- The field of a swarm's hash that holds a chunk's packed piece.
local LIST_NAMES = { [0] = 'l4:', 's4:', 'l6:', 's6:' }
local FIRST_FIELDS = { [0] = 'l4:0000', 's4:0000', 'l6:0000', 's6:0000' }

local function chunkField(list, number)
  if number == 0 then return FIRST_FIELDS[list] end
  return LIST_NAMES[list] .. string.format('%04x', number)
end

-- The key of the chunk's own hash; the last one is remembered, since an error of Redis's own names no key.
local lastChunk

local function chunkKey(key, field)
  lastChunk = key .. ':' .. field
  return lastChunk
end
-- The list of the same family and the other role.
local function otherRole(list) return list + 1 - 2 * (list % 2) end
-- Ends what is being done where a key holds what no script here would write. Nothing has been written by then.
local function fault(key, what) error({ damage = key .. ' ' .. what }) end

-- What to say of an error: the key, and what is wrong with it. Redis's own errors name no key: `types` has what each key
-- that may be to blame should be, and `key` is what was worked on.
local function damageText(problem, key, types)
  if type(problem) == 'table' and problem.damage then return problem.damage end
  for name, expected in pairs(types) do
    local found = redis.call('TYPE', name).ok
    if found ~= 'none' and found ~= expected then return name .. ' is a ' .. found .. ', not a ' .. expected end
  end
  return key .. ' ' .. (type(problem) == 'table' and problem.err or tostring(problem))
end
-- Chunks hold 14 peers on average at least, so that a few are enough. Only while a swarm that most have left at once is
-- being swept may so many hold too few: 45 us, the most that one reply may cost.
local CHUNKS_READ_MAX = 100

-- Pieces of a list, whole, from one on, till they hold `bytesWanted` or there are no more. `number`, `piece`: one that was
-- read already; without a number it begins at a random one.
local function gather(key, list, chunks, bytesWanted, width, number, piece)
  if not number or number >= chunks and number > 0 then
    number = chunks > 1 and math.random(0, chunks - 1) or 0
    piece = redis.call('HGET', key, chunkField(list, number))
  end
  local peers = ''
  for left = math.min(math.max(chunks, 1), CHUNKS_READ_MAX) - 1, 0, -1 do
    if piece then
      if #piece % width ~= 0 then fault(key, 'has a cut piece ' .. chunkField(list, number)) end
      peers = peers == '' and piece or peers .. piece
    end
    if left == 0 or #peers >= bytesWanted then return peers end
    number = (number + 1) % chunks
    piece = redis.call('HGET', key, chunkField(list, number))
  end
end

-- Endpoints for a peer of `list`: a seeder is given leechers; a leecher seeders, and leechers where those are too few.
-- `guess`: the field of the other role's list that `otherPiece` was read from; false: both pieces are those of the first
-- fields.
local function choosePeers(key, head, list, width, numwant, guess, otherPiece, ownPiece)
  -- One more than wanted, in case the asker finds itself: in its own list, or in the other where it changes roles.
  local bytesWanted = (numwant + 1) * width
  if guess and otherPiece and #otherPiece >= bytesWanted and #otherPiece % width == 0 then return otherPiece end
  local other = otherRole(list)
  local chunks = chunksOf(head, other)
  -- Where there are many chunks, the first must not be read more often than the rest.
  local number = guess and tonumber(string.sub(guess, 4), 16) or chunks <= 1 and 0 or nil
  local peers = gather(key, other, chunks, bytesWanted, width, number, otherPiece)
  local room = bytesWanted - #peers
  if list % 2 == 1 or room <= 0 then return peers end
  chunks = chunksOf(head, list)
  local more = gather(key, list, chunks, room, width, not guess and chunks <= 1 and 0 or nil, ownPiece)
  if #more > room then
    local at = math.random(0, #more / width - 1) * width
    more = string.sub(more, at + 1, at + room) .. string.sub(more, 1, math.max(0, at + room - #more))
  end
  return peers == '' and more or more == '' and peers or peers .. more
end
-- Whether a text is a number that HINCRBY adds to, of fewer digits than given: it takes neither 007 nor -0.
local function isInteger(text, digitsMax)
  return text == '0' or #text < digitsMax and string.find(text, '^%-?[1-9]%d*$') ~= nil
end
-- What 80 Gbit/s move in 15 minutes. More between two announces is a lie, and must not bring an account to overflow.
-- (A number of 2^53 and above is not exact in Lua: such a report is a lie as well.)
local CREDIT_BYTES_MAX = 9e12

-- Raises an error where a passkey's account cannot be added to.
local function checkAccount(account, passkey)
  for _, bytes in ipairs(redis.call('HMGET', account, passkey .. ':up', passkey .. ':down')) do
    if bytes and (not isInteger(bytes, 19) or string.sub(bytes, 1, 1) == '-') then
      fault(account, 'holds what is no number for ' .. passkey)
    end
  end
end

-- Adds to a passkey's account what its client moved since its last announce, which `moved` remembers for a peer's lifetime,
-- `before`: never below zero, so that a client that starts again from nothing, or resets its counters, neither loses nor
-- counts twice. It is the client that is remembered, not the endpoint: one at two addresses tells of the same bytes twice.
local function creditAccount(account, passkey, moved, before, report, lifetimeS)
  local amounts = string.sub(report, 21, 28) .. string.sub(report, 37, 44)
  redis.call('SET', moved, amounts, 'EX', lifetimeS)
  if not before or #before ~= #amounts then return end -- new here
  local downBefore, upBefore = struct.unpack('>I8I8', before)
  local down, up = struct.unpack('>I8I8', amounts)
  for name, delta in pairs({ up = up - upBefore, down = down - downBefore }) do
    if delta > 0 and delta <= CREDIT_BYTES_MAX and math.max(up, down) < 2 ^ 53 then
      redis.call('HINCRBY', account, passkey .. ':' .. name, string.format('%.0f', delta))
    end
  end
end
local call, sub, byte = redis.call, string.sub, string.byte
-- What a call is about. The functions here are made once, and this is given them anew with each call.
local prefix, lifetimeS, reportBytes, listed, eventsMax, now
-- The records, their bytes, the bytes of a key, what a record is up to its endpoint, and what a peer's value begins with.
local records, size, keyBytes, format, valueHeads
-- The replies so far, the swarm of the announce under way, and where the record of the next one begins.
local replies, current, nextAt
-- What the last client with a passkey told of is under this key.
local lastMoved

local COMPLETED, STOPPED, PEER_IDS, PASSKEY = 1, 2, 4, 8

-- Names and due times. Of announce.lua: it uses what a call is about.
local function roleName(list) return list % 2 == 1 and 'seeders' or 'leechers' end
local function shardOf(key) return sub(key, #prefix + 7, #prefix + 11) end
local function totalsOf(key) return prefix .. 'totals:' .. shardOf(key) end
local function indexOf(key) return prefix .. 'torrents:' .. shardOf(key) end

-- Never later than it was due: a swarm that empties and fills again must not put off its sweep each time.
local function putInIndex(key) call('ZADD', indexOf(key), 'LT', now + lifetimeS, sub(key, -40)) end
-- Which of a list's chunks holds an endpoint. The endpoint's bytes are the coefficients of a polynomial; its value at the
-- swarm's salt, modulo a prime, to the third power, is the hash: who does not know the salt cannot choose addresses that
-- share a chunk, or one host could fill one at will. (Without the third power the low bits, which choose the chunk, would
-- be those of the port, and addresses in a row would fall into few chunks for one salt of a hundred.)
-- Then linear hashing: with 2^k <= chunks < 2^(k+1), the first chunks are already split in two by bit k.
local CHUNK_HASH_PRIME = 1048573
local unpackBytes, frexp = struct.unpack, math.frexp

local function chunkOf(head, endpoint, chunks)
  if chunks == 1 then return 0 end
  local salt, prime, hash = unpackBytes('>I4', head, 21), CHUNK_HASH_PRIME, nil
  if #endpoint == 6 then
    local high, low, port = unpackBytes('>I2I2I2', endpoint)
    hash = ((high * salt + low) % prime * salt + port) % prime
  else
    local a, b, c, d, e, f = unpackBytes('>I3I3I3I3I3I3', endpoint)
    hash = (a * salt + b) % prime
    hash = (hash * salt + c) % prime
    hash = (hash * salt + d) % prime
    hash = (hash * salt + e) % prime
    hash = (hash * salt + f) % prime
  end
  hash = hash * hash % prime * hash % prime
  local _, exponent = frexp(chunks)
  local whole = 2 ^ exponent
  local number = hash % whole
  if number >= chunks then return number - whole / 2 end
  return number
end
-- Where a packed piece has an endpoint of `width` bytes; nothing where it does not.
local function placeIn(piece, endpoint, width)
  local at = string.find(piece, endpoint, 1, true)
  while at and (at - 1) % width ~= 0 do at = string.find(piece, endpoint, at + 1, true) end
  return at
end

-- A packed piece without one endpoint: the last one takes its place. Nothing where it is not there.
local function pieceWithout(piece, endpoint, width)
  local at = placeIn(piece, endpoint, width)
  if not at then return nil end
  local last = #piece - width
  if at > last then return string.sub(piece, 1, last) end
  return string.sub(piece, 1, at - 1) .. string.sub(piece, -width) .. string.sub(piece, at + width, last)
end
-- Writes a chunk's piece into its swarm's hash; an empty piece has no field.
local function writePiece(key, field, piece)
  if piece == '' then redis.call('HDEL', key, field) else redis.call('HSET', key, field, piece) end
end
-- A list with fewer peers than this in a chunk has too many chunks: a reply looks at so many only.
local CHUNK_PEERS_MIN = 14
-- More fields than a chunk can have, and fewer than one call can carry.
local CHUNK_FIELDS_MAX = 2000

-- The fields of the last chunk of a list and of the one that it was split from.
local function mergeFields(head, list)
  local last = chunksOf(head, list) - 1
  local _, exponent = math.frexp(last)
  return chunkField(list, last), chunkField(list, last - 2 ^ (exponent - 1))
end

-- How many peers a chunk would have after the last one is given back to it.
local function peersMerged(key, head, list)
  local from, into = mergeFields(head, list)
  return redis.call('HLEN', chunkKey(key, from)) + redis.call('HLEN', chunkKey(key, into))
end

-- Raises an error where a list's last chunk cannot be given back: its peers and its piece do not agree.
local function checkMerge(key, head, list, width)
  local from, into = mergeFields(head, list)
  for _, field in ipairs({ from, into }) do
    local chunk = chunkKey(key, field)
    local fields = redis.call('HLEN', chunk)
    if fields > CHUNK_FIELDS_MAX then fault(chunk, 'holds ' .. fields .. ' fields') end
    if redis.call('HSTRLEN', key, field) ~= fields * width then fault(chunk, 'holds other peers than its piece') end
  end
end

-- Gives the last chunk of a list back to the one that it was split from. Answers the head and how many peers moved.
local function mergeChunks(key, head, list)
  local from, into = mergeFields(head, list)
  local fields = redis.call('HGETALL', chunkKey(key, from))
  if #fields > 0 then
    redis.call('HSET', chunkKey(key, into), unpack(fields))
    redis.call('DEL', chunkKey(key, from))
    writePiece(key, into, (redis.call('HGET', key, into) or '') .. redis.call('HGET', key, from))
    writePiece(key, from, '')
  end
  head = headWithChunks(head, list, chunksOf(head, list) - 1)
  redis.call('HSET', key, 'head', head)
  return head, #fields / 2
end
-- Where peers stand, and what that makes of a swarm. Of announce.lua.

-- The piece of a list without an endpoint; nothing where it does not tell it.
local function withoutIn(piece, endpoint)
  if not piece or #piece % #endpoint > 0 then return nil end
  return pieceWithout(piece, endpoint, #endpoint)
end

-- The field of the piece that tells an endpoint, if the list of a large swarm has it.
local function fieldOf(head, list, endpoint)
  return chunkField(list, chunkOf(head, endpoint, chunksOf(head, list)))
end

-- Where an endpoint stands in a list of a large swarm: the field of its piece, and the piece without it. Nothing where it
-- is not there.
local function standing(key, head, list, endpoint)
  local field = fieldOf(head, list, endpoint)
  if call('HEXISTS', chunkKey(key, field), endpoint) == 0 then return end
  local rest = withoutIn(call('HGET', key, field), endpoint)
  if not rest then fault(key, 'holds a peer that is not in its piece ' .. field) end
  return field, rest
end

-- Whether a chunk is to be given back. Not while a sweep is halfway: the last chunk, not looked at yet, would go where the
-- sweep has been; it gives chunks back by itself.
local function leavesTooFew(key, head, list, rest, width)
  return #rest < CHUNK_PEERS_MIN * width and chunksOf(head, list) > 1 and call('HEXISTS', key, 'sweep') == 0
end

-- The counts of a head after so many came or went; damaged where there are fewer than are said to go.
local function changedCounts(key, head, leechersMore, seedersMore)
  local leechers, seeders, completed = countsOf(head)
  leechers, seeders = leechers + leechersMore, seeders + seedersMore
  if leechers < 0 or seeders < 0 then fault(key, 'counts fewer peers than it holds') end
  return leechers, seeders, completed
end

-- The first pieces of a small swarm: of the own list and of the other role's. `fields`: what was read with the head; the
-- own piece is nil where it was not, and false where there is none.
local function smallPieces(key, list, fields)
  if fields[3] ~= nil then return fields[3], fields[2] end
  return call('HGET', key, FIRST_FIELDS[list]), call('HGET', key, FIRST_FIELDS[otherRole(list)])
end
-- Changes a shard's counts (torrents, seeders, leechers, completed): one, or two. It fails where the totals are damaged,
-- and has changed nothing then: so it comes before all other writes. (Redis takes 0.3 us to write a number out: changes that
-- are known come as text.)
local function addToTotals(totals, field, by, otherField, otherBy)
  local answer = redis.pcall('HINCRBY', totals, field, by)
  if type(answer) == 'number' and otherField then
    answer = redis.pcall('HINCRBY', totals, otherField, otherBy)
    if type(answer) ~= 'number' then redis.call('HINCRBY', totals, field, -by) end
  end
  if type(answer) ~= 'number' then fault(totals, 'cannot be counted in: ' .. answer.err) end
end
-- More fields than a small swarm can have, and fewer than one call can carry.
local GROWING_FIELDS_MAX = 2000

-- Raises an error where a small swarm cannot grow: a chunk that is there already, or a peer that is none.
local function checkGrowth(key)
  for list = 0, 3 do
    local chunk = chunkKey(key, FIRST_FIELDS[list])
    if redis.call('EXISTS', chunk) == 1 then fault(chunk, 'is there, but its swarm is small') end
  end
  if redis.call('HLEN', key) > GROWING_FIELDS_MAX then fault(key, 'is a small swarm of too many fields') end
  local fields = redis.call('HGETALL', key)
  for i = 1, #fields, 2 do
    if (#fields[i] == 6 or #fields[i] == 18) and (string.byte(fields[i + 1]) or 2) > 1 then
      fault(key, 'holds a peer of no role')
    end
  end
end

-- Moves the peers of a small swarm out of its hash, into one chunk per list.
local function growSwarm(key, head)
  local fields, moved = redis.call('HGETALL', key), {}
  for i = 1, #fields, 2 do
    local endpoint, value = fields[i], fields[i + 1]
    if #endpoint == 6 or #endpoint == 18 then
      local list = string.byte(value) + (#endpoint == 18 and 2 or 0)
      redis.call('HSET', chunkKey(key, FIRST_FIELDS[list]), endpoint, value)
      moved[#moved + 1] = endpoint
    end
  end
  redis.call('HDEL', key, unpack(moved))
  head = headWithChunksOfAll(head, ONE_CHUNK_EACH)
  redis.call('HSET', key, 'head', head)
  return head
end
-- Splits one chunk of a list in two: linear hashing, so nothing is ever proportional to the swarm.
local CHUNKS_MAX = 65535
-- More fields than a chunk can have, and, with their values, fewer than one call can carry.
local SPLIT_FIELDS_MAX = 2000

-- The fields of the chunk that is next to be split and of the new one.
local function splitFields(head, list)
  local chunks = chunksOf(head, list)
  local _, exponent = math.frexp(chunks)
  return chunkField(list, chunks - 2 ^ (exponent - 1)), chunkField(list, chunks)
end

-- Raises an error where a list's next chunk cannot be split: something in the way, or what is no endpoint of this list.
local function checkSplit(key, head, list, width)
  if chunksOf(head, list) >= CHUNKS_MAX then return end
  local fromField, intoField = splitFields(head, list)
  local into = chunkKey(key, intoField)
  if redis.call('EXISTS', into) == 1 then fault(into, 'is there, but its swarm has fewer chunks') end
  local from = chunkKey(key, fromField)
  local fields = redis.call('HLEN', from)
  if fields > SPLIT_FIELDS_MAX then fault(from, 'holds ' .. fields .. ' fields') end
  for _, endpoint in ipairs(redis.call('HKEYS', from)) do
    if #endpoint ~= width then fault(from, 'holds a field of ' .. #endpoint .. ' bytes') end
  end
end

local function splitChunk(key, head, list)
  local chunks = chunksOf(head, list)
  if chunks >= CHUNKS_MAX then return head end
  local from, into = splitFields(head, list)
  local fields, staying, leaving, moved = redis.call('HGETALL', chunkKey(key, from)), {}, {}, {}
  for i = 1, #fields, 2 do
    if chunkOf(head, fields[i], chunks + 1) == chunks then
      leaving[#leaving + 1] = fields[i]
      moved[#moved + 1] = fields[i]
      moved[#moved + 1] = fields[i + 1]
    else
      staying[#staying + 1] = fields[i]
    end
  end
  if #leaving > 0 then
    redis.call('HSET', chunkKey(key, into), unpack(moved))
    redis.call('HDEL', chunkKey(key, from), unpack(leaving))
    writePiece(key, into, table.concat(leaving))
    writePiece(key, from, table.concat(staying))
  end
  head = headWithChunks(head, list, chunks + 1)
  redis.call('HSET', key, 'head', head)
  return head
end
-- Tells of a torrent in the stream of events, which keeps about as many as `eventsMax`; 0: it is not told. What cannot be
-- told is no reason to refuse an announce or to leave a sweep halfway: whoever reads the stream meets what is wrong with it.
local function tellEvent(prefix, eventsMax, event, key)
  if eventsMax == 0 then return end
  redis.pcall('XADD', prefix .. 'events', 'MAXLEN', '~', eventsMax, '*', 'event', event, 'info_hash', string.sub(key, -40))
end
-- Peers that are new, or change roles. Of announce.lua: it uses what a call is about.

-- A swarm is small, its peers fields of its own hash, up to so many peers and so long a piece: past 64 bytes a value
-- would end the compact encoding of the hash.
local SMALL_PEERS_MAX, SMALL_PIECE_BYTES_MAX = 10, 60
-- A chunk of more endpoints is split. 40 costs 1.3 us more an announce; 80 costs as little, with longer replies.
local CHUNK_PEERS_MAX = 56

local function create(key, list, endpoint, value)
  if call('EXISTS', key) == 1 then fault(key, 'has no head') end
  call('ZCARD', indexOf(key)) -- fails where it cannot be written to
  addToTotals(totalsOf(key), 'torrents', '1', roleName(list), '1')
  local seeders = list % 2
  local head = struct.pack('>I4I4I4', 1 - seeders, seeders, 0) .. NO_CHUNKS .. struct.pack('>I4', math.random(2, CHUNK_HASH_PRIME - 1))
  -- No `completed`: for a text of 0, most swarms would take an allocation of the next larger size, 10 bytes a peer.
  call('HSET', key, 'head', head, 'seeders', seeders, 'leechers', 1 - seeders, 'added', now, endpoint, value,
    FIRST_FIELDS[list], endpoint)
  putInIndex(key)
  tellEvent(prefix, eventsMax, 'added', key)
  return head
end

-- Lets a peer in that is new in its list, whose piece is in `field`; it leaves the other role's, where it is told in that:
-- then `otherRest` is the piece without it. `value`: what is still to be written into a small swarm. Answers the head.
local function enter(key, head, list, endpoint, field, piece, otherField, otherRest, value)
  local width, other, isInSmall = #endpoint, otherRole(list), isSmall(head)
  local seedersMore = list % 2 == 1 and 1 or otherField and -1 or 0
  local leechersMore = list % 2 == 0 and 1 or otherField and -1 or 0
  local leechers, seeders, completed = changedCounts(key, head, leechersMore, seedersMore)
  piece = (piece or '') .. endpoint
  if #piece % width ~= 0 then fault(key, 'has a cut piece ' .. field) end
  local grows = isInSmall and (leechers + seeders > SMALL_PEERS_MAX or #piece > SMALL_PIECE_BYTES_MAX)
  local splits = not isInSmall and #piece > CHUNK_PEERS_MAX * width
    and (list % 2 == 1 and seeders or leechers) >= CHUNK_PEERS_MIN * chunksOf(head, list)
  local merges = otherField and leavesTooFew(key, head, other, otherRest, width)
  if grows then checkGrowth(key) end
  if splits then checkSplit(key, head, list, width) end
  if merges then checkMerge(key, head, other, width) end

  local wasEmpty = leechers - leechersMore + seeders - seedersMore == 0
  if wasEmpty then call('ZCARD', indexOf(key)) end
  addToTotals(totalsOf(key), roleName(list), '1', otherField and roleName(other), '-1')
  if wasEmpty then putInIndex(key) end
  if otherField then
    if not isInSmall then call('HDEL', chunkKey(key, otherField), endpoint) end
    writePiece(key, otherField, otherRest)
    if merges then head = mergeChunks(key, head, other) end
    call('HSET', key, roleName(other), other % 2 == 1 and seeders or leechers)
  end
  if value then call('HSET', key, endpoint, value) end
  head = headWithCounts(head, leechers, seeders, completed)
  call('HSET', key, 'head', head, roleName(list), list % 2 == 1 and seeders or leechers, field, piece)
  if grows then return growSwarm(key, head) end
  return splits and splitChunk(key, head, list) or head
end

-- Lets a peer in that was written already, and takes it back where there is damage.
local function enterWritten(hash, endpoint, ...)
  local ran, result = pcall(enter, ...)
  if ran then return result end
  call('HDEL', hash, endpoint)
  error(result, 0)
end

-- Writes a peer into a small swarm, whose pieces tell in what role it is known. Answers the head.
local function joinSmall(key, head, list, endpoint, value, ownPiece, otherPiece)
  local field, otherField = FIRST_FIELDS[list], FIRST_FIELDS[otherRole(list)]
  if ownPiece and placeIn(ownPiece, endpoint, #endpoint) then
    if call('HSET', key, endpoint, value) == 0 then return head end
    call('HDEL', key, endpoint)
    fault(key, 'does not hold a peer that is in its piece ' .. field)
  end
  local otherRest = withoutIn(otherPiece, endpoint)
  if otherRest then return enter(key, head, list, endpoint, field, ownPiece, otherField, otherRest, value) end
  if call('HSETNX', key, endpoint, value) == 0 then fault(key, 'holds a peer that is in no piece') end
  return enterWritten(key, endpoint, key, head, list, endpoint, field, ownPiece)
end

-- Writes a peer into its chunk, whose piece is in `field`. Answers the head.
local function joinChunk(key, head, list, field, endpoint, value)
  local chunk = chunkKey(key, field)
  if call('HSET', chunk, endpoint, value) == 0 then return head end
  -- Few are new: the rest is looked at only now.
  local ran, otherField, otherRest = pcall(standing, key, head, otherRole(list), endpoint)
  if not ran then
    call('HDEL', chunk, endpoint)
    error(otherField, 0)
  end
  return enterWritten(chunk, endpoint, key, head, list, endpoint, field, call('HGET', key, field), otherField, otherRest)
end
-- Peers that stop. Of announce.lua: it uses what a call is about.

-- Where a peer stands, in whatever role: the list, its field, the piece without it. Nothing where it is not there.
local function standingInSmall(key, list, endpoint, ownPiece, otherPiece)
  local rest = withoutIn(ownPiece, endpoint)
  if rest then return list, FIRST_FIELDS[list], rest end
  rest = withoutIn(otherPiece, endpoint)
  if rest then return otherRole(list), FIRST_FIELDS[otherRole(list)], rest end
  if call('HEXISTS', key, endpoint) == 1 then fault(key, 'holds a peer that is in no piece') end
end

local function standingInChunks(key, head, list, endpoint, field)
  -- Nearly always it is in the role that it says, and the piece tells it.
  local rest = withoutIn(call('HGET', key, field), endpoint)
  if rest then return list, field, rest end
  for _, was in ipairs({ list, otherRole(list) }) do
    field, rest = standing(key, head, was, endpoint)
    if field then return was, field, rest end
  end
end

-- Takes a peer out, in whatever role it is. `own`: the field of the chunk that it is in, if it is in the role that it says;
-- nil in a small swarm. Answers the head, or nil where that was the last one.
local function leave(key, head, list, endpoint, own, fields)
  local width, isInSmall = #endpoint, not own
  local was, field, rest
  if isInSmall then
    was, field, rest = standingInSmall(key, list, endpoint, smallPieces(key, list, fields))
  else
    was, field, rest = standingInChunks(key, head, list, endpoint, own)
  end
  if not was then return head end
  local leechers, seeders, completed = changedCounts(key, head, was % 2 - 1, -(was % 2))
  local isLast = leechers + seeders + completed == 0
  if isLast then call('ZCARD', indexOf(key)) end
  local merges = leavesTooFew(key, head, was, rest, width)
  if merges then checkMerge(key, head, was, width) end

  local totals, role = totalsOf(key), roleName(was)
  addToTotals(totals, role, '-1', isLast and 'torrents', '-1')
  local hash = isInSmall and key or chunkKey(key, field)
  local gone = redis.pcall('HDEL', hash, endpoint)
  if gone ~= 1 then
    addToTotals(totals, role, '1', isLast and 'torrents', '1')
    if gone == 0 then fault(hash, 'does not hold a peer that is in its piece ' .. field) end
    error(gone, 0)
  end
  if isLast then
    call('DEL', key)
    call('ZREM', indexOf(key), sub(key, -40))
    tellEvent(prefix, eventsMax, 'evicted', key)
    return nil
  end
  head = headWithCounts(head, leechers, seeders, completed)
  local count = was % 2 == 1 and seeders or leechers
  if rest ~= '' and not merges then
    call('HSET', key, 'head', head, role, count, field, rest)
    return head
  end
  writePiece(key, field, rest)
  if merges then head = mergeChunks(key, head, was) end
  if leechers + seeders == 0 and not isInSmall then
    head = headWithChunksOfAll(head, NO_CHUNKS)
    call('HDEL', key, 'sweep')
  end
  call('HSET', key, 'head', head, role, count)
  return head
end
-- Raises an error where a shard's totals cannot be added to.
local function checkTotals(totals)
  for _, total in ipairs(redis.call('HMGET', totals, 'torrents', 'seeders', 'leechers', 'completed')) do
    -- So many digits are exact in Lua, and far from where HINCRBY overflows.
    if total and not isInteger(total, 16) then fault(totals, 'holds what is no number') end
  end
end
-- Downloads that are completed. Of announce.lua: it uses what a call is about.

-- Raises an error where a completed download cannot be counted.
local function checkCompletion(key)
  checkTotals(totalsOf(key))
  call('ZCARD', key .. ':done')
end

-- As much as a head can hold: an import may bring it.
local COMPLETED_MAX = 2 ^ 32 - 1

-- Counts a completed download, once for an endpoint until the sweep forgets it. Its keys were checked.
local function complete(key, head, endpoint)
  local leechers, seeders, completed = countsOf(head)
  if completed == COMPLETED_MAX then return head end
  if call('ZADD', key .. ':done', 'NX', now, endpoint) == 0 then return head end
  addToTotals(totalsOf(key), 'completed', '1')
  head = headWithCounts(head, leechers, seeders, completed + 1)
  call('HSET', key, 'head', head, 'completed', completed + 1)
  tellEvent(prefix, eventsMax, 'completed', key)
  return head
end
-- What a chunk hash or the small swarm itself holds of an endpoint, its own role's list first.
local function valueOf(key, head, list, endpoint)
  if chunksOf(head, list) == 0 then return redis.call('HGET', key, endpoint) end
  for _, maybe in ipairs({ list, otherRole(list) }) do
    local field = chunkField(maybe, chunkOf(head, endpoint, chunksOf(head, maybe)))
    local value = redis.call('HGET', chunkKey(key, field), endpoint)
    if value then return value end
  end
end
-- Peers for a reply, where it is not a whole piece. Of announce.lua.

-- All that a peer of a small swarm can be given: a seeder leechers, a leecher all.
local function allOfSmall(key, list, width, ownPiece, otherPiece)
  local others = otherPiece or ''
  if #others % width > 0 or ownPiece and #ownPiece % width > 0 then fault(key, 'has a cut piece') end
  if list % 2 == 1 or not ownPiece then return others end
  return others .. ownPiece
end

-- With details, a peer's value is: role 1, last announce 4, peer id 20, downloaded 8, left 8, uploaded 8, event 1.
local VALUE_BYTES = 50

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
local function has(special, what) return special % (2 * what) >= what end

-- The passkey whose length is told at a place in the records, and where it ends.
local function passkeyAt(place)
  local last = place + byte(records, place)
  return sub(records, place + 1, last), last
end

-- The account of a passkey, checked; the key that remembers what its client told of last; and what that was.
local function accountOf(key, passkey, report)
  local shard = shardOf(key)
  local account = prefix .. 'accounts:' .. shard
  checkAccount(account, passkey)
  lastMoved = prefix .. 'moved:' .. shard .. ':' .. sub(key, -40) .. ':' .. passkey .. ':' .. sub(report, 1, 20)
  return account, lastMoved, call('GET', lastMoved)
end

local function isListed(key) return call('SISMEMBER', prefix .. 'whitelist:' .. shardOf(key), sub(key, -40)) == 1 end

local EMPTY_HEAD = string.rep('\0', HEAD_BYTES)

-- Applies announces until all are, or one meets damage. A long function, and locals for what it uses of outside: here each
-- step of Lua's is 0.1 % of an announce, each call of a function 1 %.
local function announceRest()
  local records, call, sub, unpackBytes, format, valueHeads = records, call, sub, unpackBytes, format, valueHeads
  local replies, size, reportBytes = replies, size, reportBytes
  local at, filled = nextAt, #replies
  while at < size do
    local key, list, numwant, large, special, from, own, chunks, report, endpointAt = unpackBytes(format, records, at)
    if reportBytes == 0 then report, endpointAt = '', report end
    local width, passkey, head, peers = list >= 2 and 18 or 6, nil, nil, nil
    at = endpointAt + width
    if special >= PASSKEY then
      passkey, at = passkeyAt(at)
      at = at + 1
    end
    current, nextAt = key, at
    if listed and not isListed(key) then
      head, peers = false, 'unlisted'
    else
      local endpoint = sub(records, endpointAt, endpointAt + width - 1)
      -- Of a small swarm, the piece of the own list is wanted, too: it tells whether the peer is known.
      local fields = large == 1 and call('HMGET', key, 'head', from) or call('HMGET', key, 'head', from, own)
      head, peers = fields[1], ''
      if head and #head ~= HEAD_BYTES then fault(key, 'has a head of ' .. #head .. ' bytes, not ' .. HEAD_BYTES) end
      -- Whether the chunks are as the frontend says; else, whether there are any.
      local isAsKnown = head and large == 1 and sub(head, 13) == chunks
      local isInSmall = head and not isAsKnown and isSmall(head)
      if head and numwant > 0 then
        peers = fields[2]
        if isInSmall and numwant >= SMALL_PEERS_MAX then
          peers = allOfSmall(key, list, width, smallPieces(key, list, fields))
        elseif not isAsKnown or not peers or #peers <= numwant * width or #peers % width > 0 then
          peers = choosePeers(key, head, list, width, numwant, large == 1 and from, peers, fields[3])
        end
      end
      local account, moved, before
      if special > 0 then
        if has(special, PEER_IDS) then peers = withPeerIds(key, head, list, endpoint, numwant, peers) end
        if passkey and reportBytes > 0 then account, moved, before = accountOf(key, passkey, report) end
        if has(special, COMPLETED) then checkCompletion(key) end
      end

      if isInSmall then own = nil elseif head and not isAsKnown then own = fieldOf(head, list, endpoint) end
      if special > 0 and has(special, STOPPED) then
        head, peers = head and leave(key, head, list, endpoint, own, fields) or EMPTY_HEAD, ''
      elseif not head then
        head = create(key, list, endpoint, valueHeads[list] .. report)
      elseif own then
        head = joinChunk(key, head, list, own, endpoint, valueHeads[list] .. report)
      else
        head = joinSmall(key, head, list, endpoint, valueHeads[list] .. report, smallPieces(key, list, fields))
      end
      if special > 0 then
        if has(special, COMPLETED) then head = complete(key, head, endpoint) end
        if account then creditAccount(account, passkey, moved, before, report, lifetimeS) end
      end
    end
    replies[filled + 1] = head
    filled = filled + 2
    replies[filled] = peers
  end
end

-- What may be of a wrong type, where Redis says that something is.
local function typesOf(key)
  local shard = shardOf(key)
  local types = {
    [key] = 'hash', [key .. ':done'] = 'zset', [lastChunk or key] = 'hash', [prefix .. 'accounts:' .. shard] = 'hash',
    [totalsOf(key)] = 'hash', [indexOf(key)] = 'zset', [prefix .. 'whitelist:' .. shard] = 'set',
  }
  if lastMoved then types[lastMoved] = 'string' end
  return types
end

-- What begins the values of peers: the role, and the time.
local function valueHeadsOf(now)
  local leecher, seeder = struct.pack('>BI4', 0, now), struct.pack('>BI4', 1, now)
  return { [0] = leecher, seeder, leecher, seeder }
end

return function(KEYS, ARGV)
  prefix, lifetimeS, reportBytes, listed = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == '1'
  math.randomseed(tonumber(ARGV[5]))
  now = tonumber(ARGV[6]) or tonumber(call('TIME')[1])
  records, eventsMax = ARGV[7], tonumber(ARGV[8]) or 0
  size, keyBytes, valueHeads = #records, #prefix + 52, valueHeadsOf(now)
  -- 'c0' would not be a text of no bytes.
  format = 'c' .. keyBytes .. 'BBBBc7c7c12' .. (reportBytes > 0 and 'c' .. reportBytes or '')
  replies, current, nextAt, lastChunk, lastMoved = {}, nil, 1, nil, nil
  while nextAt < size do
    local from = nextAt
    -- A damaged swarm must not take the rest of the batch with it.
    local ran, problem = pcall(announceRest)
    if not ran then
      if nextAt == from then error(problem, 0) end -- no record
      local filled = #replies
      replies[filled + 1], replies[filled + 2] = false, 'damaged ' .. damageText(problem, current, typesOf(current))
    end
  end
  return replies
end
