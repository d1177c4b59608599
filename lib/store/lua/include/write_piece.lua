-- Writes a chunk's piece into its swarm's hash; an empty piece has no field.
local function writePiece(key, field, piece)
  if piece == '' then redis.call('HDEL', key, field) else redis.call('HSET', key, field, piece) end
end
