-- include: swarm_head chunk_field write_piece
-- Gives the last chunk of a list back to the one that it was split from. Answers the head and how many peers moved.
local function mergeChunks(key, head, list)
  local last = chunksOf(head, list) - 1
  local _, exponent = math.frexp(last)
  local from, into = chunkField(list, last), chunkField(list, last - 2 ^ (exponent - 1))
  local fields = redis.call('HGETALL', key .. ':' .. from)
  if #fields > 0 then
    redis.call('HSET', key .. ':' .. into, unpack(fields))
    redis.call('DEL', key .. ':' .. from)
    writePiece(key, into, (redis.call('HGET', key, into) or '') .. redis.call('HGET', key, from))
    writePiece(key, from, '')
  end
  head = headWithChunks(head, list, last)
  redis.call('HSET', key, 'head', head)
  return head, #fields / 2
end

-- A list with fewer peers than this in a chunk has too many chunks: a reply looks at so many only.
local CHUNK_PEERS_MIN = 14
