-- include: shard_place
-- Names and due times. Of announce.lua: it uses what a call is about.
local function roleName(list) return list % 2 == 1 and 'seeders' or 'leechers' end
local function shardOf(key) return sub(key, #prefix + 7, #prefix + 11) end
local function totalsOf(key) return prefix .. 'totals:' .. shardOf(key) end
local function indexOf(key) return prefix .. 'torrents:' .. shardOf(key) end

-- Never later than it was due: a swarm that empties and fills again must not put off its sweep each time. One that was to be
-- removed then is not.
local function putInIndex(key, isToBeRemoved)
  local due = now + lifetimeS
  if isToBeRemoved then call('ZADD', indexOf(key), due, sub(key, -40)) else call('ZADD', indexOf(key), 'LT', due, sub(key, -40)) end
end

-- Raises an error where the keys of a swarm's shard are not all here. What touches one key only needs not ask: to read or write
-- one that has gone is such an error by itself.
local function checkPlace(key)
  if isCluster then call('EXISTS', placeKey(prefix, shardOf(key))) end
end
