#!lua flags=allow-cross-slot-keys
-- Takes over counts of completed downloads that another tracker has kept: a torrent that is unknown comes to be, without
-- peers, and one that is there has at least so many afterwards. Done twice, it changes nothing the second time.
--
-- keys: none declared (a batch reaches every slot of its node)
-- args: prefix   of all keys
--       mode     'write', or 'look' to only tell what would be done
--       then per torrent its info hash (40 hex) and its count, 1 to 2^32 - 1
-- reply: per torrent 2 where it comes to be, 1 where its count is raised, 0 where it has as many; or which key is damaged
--        and what is wrong with it, or `moving`, where its slot is not here, or not whole, and nothing was done
--
-- No event is told: a million at once would push out all others, and the command does not know how many a tracker keeps.
-- Whoever mirrors the list by events reads it anew after an import.
--
-- As in announce.lua, nothing may fail after the first write of what belongs together.
-- include: import_count damage shard_place
local prefix, writes = ARGV[1], ARGV[2] == 'write'
local call, sub = redis.call, string.sub
local now = call('TIME')[1]
local CREATED, RAISED, AS_IT_WAS = 2, 1, 0

local function import(infoHash, completed)
  call('EXISTS', placeKey(prefix, '{' .. sub(infoHash, 1, 3) .. '}'))
  local head = call('HGET', (keysOf(prefix, infoHash)), 'head')
  if head then return raiseCompleted(prefix, infoHash, head, completed, writes) and RAISED or AS_IT_WAS end
  createCounted(prefix, infoHash, completed, now, writes)
  return CREATED
end

local replies = {}
for i = 3, #ARGV, 2 do
  local infoHash = ARGV[i]
  local key, totals, index = keysOf(prefix, infoHash)
  -- A damaged swarm must not take the rest of the batch with it.
  local ran, result = pcall(import, infoHash, tonumber(ARGV[i + 1]))
  if not ran then
    result = (isMoving(result) or isDown(result)) and 'moving' or damageText(result, key, { [key] = 'hash', [totals] = 'hash', [index] = 'zset' })
  end
  replies[#replies + 1] = result
end
return replies
