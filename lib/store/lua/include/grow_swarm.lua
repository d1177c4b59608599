-- include: swarm_head chunk_field
-- Moves the peers of a small swarm out of its hash, into one chunk per list.
local function growSwarm(key, head)
  local fields, moved = redis.call('HGETALL', key), {}
  for i = 1, #fields, 2 do
    local endpoint, value = fields[i], fields[i + 1]
    if #endpoint == 6 or #endpoint == 18 then
      local list = string.byte(value) + (#endpoint == 18 and 2 or 0)
      redis.call('HSET', key .. ':' .. chunkField(list, 0), endpoint, value)
      moved[#moved + 1] = endpoint
    end
  end
  redis.call('HDEL', key, unpack(moved))
  head = headWithChunksOfAll(head, ONE_CHUNK_EACH)
  redis.call('HSET', key, 'head', head)
  return head
end
