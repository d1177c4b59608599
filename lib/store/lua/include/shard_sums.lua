-- include: swarm_head
-- Torrents summed up in one script: 20 ms, and 80 million torrents in all shards. A larger shard is not compared.
local TORRENTS_SUMMED_MAX = 20000

-- What the swarms of a shard's index count together, as totals have it; nil where the index is no sorted set, 'many'
-- where there are too many of them.
local function shardSums(prefix, shard)
  local index = prefix .. 'torrents:' .. shard
  local size = redis.pcall('ZCARD', index)
  if type(size) == 'table' then return nil end
  if size > TORRENTS_SUMMED_MAX then return 'many' end
  local sums = { torrents = 0, seeders = 0, leechers = 0, completed = 0 }
  local swarmHead = prefix .. 'swarm:' .. shard .. ':'
  for _, infoHash in ipairs(redis.call('ZRANGE', index, 0, -1)) do
    local head = #infoHash == 40 and redis.pcall('HGET', swarmHead .. infoHash, 'head')
    if type(head) == 'string' and #head == HEAD_BYTES then
      local leechers, seeders, completed = countsOf(head)
      sums.torrents = sums.torrents + 1
      sums.seeders = sums.seeders + seeders
      sums.leechers = sums.leechers + leechers
      sums.completed = sums.completed + completed
    end
  end
  return sums
end
