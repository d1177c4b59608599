-- include: swarm_head other_role chunk_field chunk_of piece_without merge_chunks damage
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
