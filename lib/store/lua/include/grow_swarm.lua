-- include: swarm_head chunk_field damage
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
