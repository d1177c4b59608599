-- include: swarm_head other_role chunk_field damage
-- Chunks hold 14 peers on average at least, so that a few are enough. Only while a swarm that most have left at once is
-- being swept may so many hold too few: 45 us, the most that one reply may cost.
local CHUNKS_READ_MAX = 100

-- Pieces of a list, whole, from a random one on, till they hold `bytesWanted` or there are no more. `first`: the first.
local function gather(key, list, chunks, bytesWanted, width, first)
  local many, peers = chunks > 1, ''
  local number = many and math.random(0, chunks - 1) or 0
  for _ = 1, math.min(math.max(chunks, 1), CHUNKS_READ_MAX) do
    local piece = first
    if many then piece = redis.call('HGET', key, chunkField(list, number)) end
    if piece then
      if #piece % width ~= 0 then fault(key, 'has a cut piece ' .. chunkField(list, number)) end
      peers = peers == '' and piece or peers .. piece
    end
    if #peers >= bytesWanted then return peers end
    number = (number + 1) % chunks
  end
  return peers
end

-- Endpoints for a peer of `list`: a seeder is given leechers; a leecher seeders, and leechers where those are too few.
local function choosePeers(key, head, list, width, numwant, otherFirst, ownFirst)
  -- One more than wanted, in case the asker finds itself: in its own list, or in the other where it changes roles.
  local other, bytesWanted = otherRole(list), (numwant + 1) * width
  local peers = gather(key, other, chunksOf(head, other), bytesWanted, width, otherFirst)
  local room = bytesWanted - #peers
  if list % 2 == 1 or room <= 0 then return peers end
  local more = gather(key, list, chunksOf(head, list), room, width, ownFirst)
  if #more > room then
    local at = math.random(0, #more / width - 1) * width
    more = string.sub(more, at + 1, at + room) .. string.sub(more, 1, math.max(0, at + room - #more))
  end
  return peers == '' and more or more == '' and peers or peers .. more
end
