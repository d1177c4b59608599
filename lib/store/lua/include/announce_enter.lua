-- include: swarm_head other_role chunk_field write_piece add_to_totals grow_swarm split_chunk merge_chunks tell_event removal_time damage
-- Peers that are new, or change roles. Of announce.lua: it uses what a call is about.

-- A swarm is small, its peers fields of its own hash, up to so many peers and so long a piece: past 64 bytes a value
-- would end the compact encoding of the hash.
local SMALL_PEERS_MAX, SMALL_PIECE_BYTES_MAX = 10, 60
-- A chunk of more endpoints is split. 40 costs 1.3 us more an announce; 80 costs as little, with longer replies.
local CHUNK_PEERS_MAX = 56

-- Ends an announce whose swarm has as many peers as it may, as damage ends one.
local FULL = { isFull = true }
local function isFull(problem) return problem == FULL end

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
  checkPlace(key)
  local width, other, isInSmall = #endpoint, otherRole(list), isSmall(head)
  local seedersMore = list % 2 == 1 and 1 or otherField and -1 or 0
  local leechersMore = list % 2 == 0 and 1 or otherField and -1 or 0
  local leechers, seeders, completed = changedCounts(key, head, leechersMore, seedersMore)
  if not otherField and leechers + seeders > peersMax then error(FULL) end
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
  -- Fails where the index cannot be written to.
  local isToBeRemoved = wasEmpty and isRemovalTime(call('ZSCORE', indexOf(key), sub(key, -40)))
  addToTotals(totalsOf(key), roleName(list), '1', otherField and roleName(other), '-1')
  if wasEmpty then putInIndex(key, isToBeRemoved) end
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
