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
-- include: swarm_head chunk_of add_to_totals damage shard_place
local prefix, writes = ARGV[1], ARGV[2] == 'write'
local call, sub = redis.call, string.sub
local time = call('TIME')
local CREATED, RAISED, AS_IT_WAS = 2, 1, 0

local function keysOf(infoHash)
  local shard = '{' .. sub(infoHash, 1, 3) .. '}'
  return prefix .. 'swarm:' .. shard .. ':' .. infoHash, prefix .. 'totals:' .. shard, prefix .. 'torrents:' .. shard
end

-- No client knows the microsecond of an import.
local function newSalt(infoHash)
  local digits = sub(redis.sha1hex(infoHash .. time[1] .. time[2]), 1, 8)
  return struct.pack('>I4', 2 + tonumber(digits, 16) % (CHUNK_HASH_PRIME - 2))
end

local function create(infoHash, completed)
  local key, totals, index = keysOf(infoHash)
  if call('EXISTS', key) == 1 then fault(key, 'has no head') end
  call('ZCARD', index) -- fails where it cannot be written to
  if writes then
    addToTotals(totals, 'torrents', 1, 'completed', completed)
    local head = struct.pack('>I4I4I4', 0, 0, completed) .. NO_CHUNKS .. newSalt(infoHash)
    call('HSET', key, 'head', head, 'seeders', 0, 'leechers', 0, 'completed', completed, 'added', time[1])
    -- As a sweep leaves a swarm that is empty and remembers no endpoint: it is never due.
    call('ZADD', index, '+inf', infoHash)
  end
  return CREATED
end

local function raise(infoHash, completed, head)
  local key, totals = keysOf(infoHash)
  if #head ~= HEAD_BYTES then fault(key, 'has a head of ' .. #head .. ' bytes, not ' .. HEAD_BYTES) end
  local leechers, seeders, had = countsOf(head)
  if had >= completed then return AS_IT_WAS end
  if writes then
    addToTotals(totals, 'completed', completed - had)
    call('HSET', key, 'head', headWithCounts(head, leechers, seeders, completed), 'completed', completed)
  end
  return RAISED
end

local function import(infoHash, completed)
  call('EXISTS', placeKey(prefix, '{' .. sub(infoHash, 1, 3) .. '}'))
  local head = call('HGET', (keysOf(infoHash)), 'head')
  if head then return raise(infoHash, completed, head) end
  return create(infoHash, completed)
end

local replies = {}
for i = 3, #ARGV, 2 do
  local infoHash = ARGV[i]
  local key, totals, index = keysOf(infoHash)
  -- A damaged swarm must not take the rest of the batch with it.
  local ran, result = pcall(import, infoHash, tonumber(ARGV[i + 1]))
  if not ran then
    result = (isMoving(result) or isDown(result)) and 'moving' or damageText(result, key, { [key] = 'hash', [totals] = 'hash', [index] = 'zset' })
  end
  replies[#replies + 1] = result
end
return replies
