-- include: swarm_head chunk_field chunk_of write_piece damage
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
