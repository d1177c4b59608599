-- include: swarm_head chunk_field chunk_of write_piece
-- Splits one chunk of a list in two: linear hashing, so nothing is ever proportional to the swarm.
local CHUNKS_MAX = 65535

local function splitChunk(key, head, list)
  local chunks = chunksOf(head, list)
  if chunks >= CHUNKS_MAX then return head end
  local _, exponent = math.frexp(chunks)
  local from, into = chunkField(list, chunks - 2 ^ (exponent - 1)), chunkField(list, chunks)
  local fields, staying, leaving, moved = redis.call('HGETALL', key .. ':' .. from), {}, {}, {}
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
    redis.call('HSET', key .. ':' .. into, unpack(moved))
    redis.call('HDEL', key .. ':' .. from, unpack(leaving))
    writePiece(key, into, table.concat(leaving))
    writePiece(key, from, table.concat(staying))
  end
  head = headWithChunks(head, list, chunks + 1)
  redis.call('HSET', key, 'head', head)
  return head
end
