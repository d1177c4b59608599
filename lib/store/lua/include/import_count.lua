-- include: swarm_head chunk_of add_to_totals damage shard_place
-- Counts of completed downloads from elsewhere.

-- No client knows the microsecond of an import.
local function newSalt(infoHash)
  local time = redis.call('TIME')
  local digits = string.sub(redis.sha1hex(infoHash .. time[1] .. time[2]), 1, 8)
  return struct.pack('>I4', 2 + tonumber(digits, 16) % (CHUNK_HASH_PRIME - 2))
end

-- The keys of a torrent's swarm, of the totals and of the index of its shard.
local function keysOf(prefix, infoHash)
  local shard = '{' .. string.sub(infoHash, 1, 3) .. '}'
  return prefix .. 'swarm:' .. shard .. ':' .. infoHash, prefix .. 'totals:' .. shard, prefix .. 'torrents:' .. shard
end

-- Makes a swarm without peers, and answers its head; only looks whether it could where `writes` is false.
local function createCounted(prefix, infoHash, completed, added, writes)
  local key, totals, index = keysOf(prefix, infoHash)
  if redis.call('EXISTS', key) == 1 then fault(key, 'has no head') end
  redis.call('ZCARD', index) -- fails where it cannot be written to
  if not writes then return end
  addToTotals(totals, 'torrents', 1, 'completed', completed)
  local head = struct.pack('>I4I4I4', 0, 0, completed) .. NO_CHUNKS .. newSalt(infoHash)
  redis.call('HSET', key, 'head', head, 'seeders', 0, 'leechers', 0, 'completed', completed, 'added', added)
  -- The next sweep says when it is to be removed, if it is.
  redis.call('ZADD', index, '+inf', infoHash)
  return head
end

-- Whether a swarm counts fewer than that, and how many it counts from now on where `writes` is true.
local function raiseCompleted(prefix, infoHash, head, completed, writes)
  local key, totals = keysOf(prefix, infoHash)
  if #head ~= HEAD_BYTES then fault(key, 'has a head of ' .. #head .. ' bytes, not ' .. HEAD_BYTES) end
  local leechers, seeders, had = countsOf(head)
  if had >= completed then return false end
  if writes then
    addToTotals(totals, 'completed', completed - had)
    redis.call('HSET', key, 'head', headWithCounts(head, leechers, seeders, completed), 'completed', completed)
  end
  return true
end
