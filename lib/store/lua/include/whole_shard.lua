-- include: shard_place
-- Ends a script that touches several keys of a shard where they are not all here, before it has done anything: as Redis ends a
-- command on several keys, so that it is run again later, or elsewhere.
local function needWholeShard(prefix, shard)
  local found = redis.pcall('EXISTS', placeKey(prefix, shard))
  if not isMoving(found) and not isDown(found) then return end
  error({ err = 'TRYAGAIN the shard ' .. shard .. ' is on the move to another node' }, 0)
end
