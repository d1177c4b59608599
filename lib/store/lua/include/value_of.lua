-- include: swarm_head other_role chunk_field chunk_of
-- What a chunk hash or the small swarm itself holds of an endpoint, its own role's list first.
local function valueOf(key, head, list, endpoint)
  if chunksOf(head, list) == 0 then return redis.call('HGET', key, endpoint) end
  for _, maybe in ipairs({ list, otherRole(list) }) do
    local field = chunkField(maybe, chunkOf(head, endpoint, chunksOf(head, maybe)))
    local value = redis.call('HGET', chunkKey(key, field), endpoint)
    if value then return value end
  end
end
