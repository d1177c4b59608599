-- include: swarm_head chunk_field write_piece damage
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
