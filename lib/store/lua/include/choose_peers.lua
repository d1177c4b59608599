-- include: swarm_head other_role chunk_field damage
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
