#!lua flags=allow-oom
-- Sweeps one shard of sorted_sets.lua: removes up to a budget of peers, and writes when each swarm is due next.
--
-- keys: torrents:{09a}
-- args: lifetimeS, budget, nowS
-- reply: 1 where there is more to do, peers removed
local lifetimeS, budget, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local call, index = redis.call, KEYS[1]
local shard, cutoff, removed, looked = string.sub(index, -5), now - lifetimeS, 0, 0
local totals = 'totals:' .. shard
local LISTS = { l4 = 'leechers', s4 = 'seeders', l6 = 'leechers', s6 = 'seeders' }

-- Answers when the first of its peers can expire; nothing where the budget ended first.
local function sweepSwarm(key)
  local due = math.huge
  for list, role in pairs(LISTS) do
    local set = key .. ':' .. list
    local expired = call('ZRANGEBYSCORE', set, '-inf', cutoff, 'LIMIT', 0, budget)
    if #expired > 0 then
      call('ZREM', set, unpack(expired))
      call('HDEL', key .. ':details', unpack(expired))
      call('HINCRBY', totals, role, -#expired)
      removed, looked = removed + #expired, looked + #expired
      if #expired == budget then return end
    end
    local first = call('ZRANGE', set, 0, 0, 'WITHSCORES')
    if first[2] then due = math.min(due, tonumber(first[2]) + lifetimeS) end
  end
  -- One that is still here is remembered until it has gone.
  for _, endpoint in ipairs(call('ZRANGEBYSCORE', key .. ':done', '-inf', cutoff, 'LIMIT', 0, budget)) do
    looked = looked + 1
    if call('HEXISTS', key .. ':details', endpoint) == 1 then
      call('ZADD', key .. ':done', now, endpoint)
    else
      call('ZREM', key .. ':done', endpoint)
    end
  end
  local done = call('ZRANGE', key .. ':done', 0, 0, 'WITHSCORES')
  if done[2] then due = math.min(due, tonumber(done[2]) + lifetimeS) end
  return due
end

while looked < budget do
  local infoHash = call('ZRANGEBYSCORE', index, '-inf', now, 'LIMIT', 0, 1)[1]
  if not infoHash then return { 0, removed } end
  local key = 'swarm:' .. shard .. ':' .. infoHash
  looked = looked + 1
  local due = sweepSwarm(key)
  if due and call('EXISTS', key .. ':details') == 0 and call('HEXISTS', key, 'completed') == 0 then
    call('DEL', key)
    call('ZREM', index, infoHash)
    call('HINCRBY', totals, 'torrents', -1)
  elseif due then
    call('ZADD', index, due == math.huge and '+inf' or due, infoHash)
  end
end
return { 1, removed }
