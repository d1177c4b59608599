#!lua flags=allow-cross-slot-keys
-- The announces of lua/announce.lua, of a layout that is as plain as can be: a sorted set of endpoints by last announce
-- per role and family, a hash of details beside them.
--
-- keys: none declared
-- args: lifetimeS, seed, nowS, records (those of lua/announce.lua, with reports, without passkeys)
-- reply: two elements per record: leechers, seeders, completed (u32 each), and at least numwant endpoints in wire form
--
-- <swarm>:s4 l4 s6 l6   endpoint by last announce      <swarm>:details   endpoint to report and event
-- <swarm>:done          endpoint by time counted       <swarm>           completed, added
-- torrents:{09a}        info hash by due time          totals:{09a}      torrents, seeders, leechers, completed
local lifetimeS, now, records = tonumber(ARGV[1]), tonumber(ARGV[3]), ARGV[4]
local call, sub, byte = redis.call, string.sub, string.byte
math.randomseed(tonumber(ARGV[2]))

local COMPLETED, STOPPED = 1, 2
-- Of a record, the chunks are not used here: they say where a peer of lua/announce.lua is.
local KEY_BYTES, CHUNKS_BYTES, REPORT_BYTES = 52, 26, 45
local SUFFIXES = { [0] = ':l4', [1] = ':s4', [2] = ':l6', [3] = ':s6' }
local function roleName(list) return list % 2 == 1 and 'seeders' or 'leechers' end

local function add(key, list, endpoint, report)
  local other = list % 2 == 1 and list - 1 or list + 1
  local isNew = call('ZADD', key .. SUFFIXES[list], now, endpoint) == 1
  call('HSET', key .. ':details', endpoint, report)
  if not isNew then return end
  local shard = sub(key, 7, 11)
  if call('HSETNX', key, 'added', now) == 1 then
    call('HINCRBY', 'totals:' .. shard, 'torrents', 1)
  end
  call('ZADD', 'torrents:' .. shard, 'LT', now + lifetimeS, sub(key, -40))
  call('HINCRBY', 'totals:' .. shard, roleName(list), 1)
  if call('ZREM', key .. SUFFIXES[other], endpoint) == 1 then
    call('HINCRBY', 'totals:' .. shard, roleName(other), -1)
  end
end

local function remove(key, list, endpoint)
  local was = list
  if call('ZREM', key .. SUFFIXES[list], endpoint) == 0 then
    was = list % 2 == 1 and list - 1 or list + 1
    if call('ZREM', key .. SUFFIXES[was], endpoint) == 0 then return end
  end
  call('HDEL', key .. ':details', endpoint)
  local shard = sub(key, 7, 11)
  call('HINCRBY', 'totals:' .. shard, roleName(was), -1)
  if call('EXISTS', key .. ':details') == 0 and call('HEXISTS', key, 'completed') == 0 then
    call('DEL', key)
    call('ZREM', 'torrents:' .. shard, sub(key, -40))
    call('HINCRBY', 'totals:' .. shard, 'torrents', -1)
  end
end

-- A seeder is given leechers; a leecher seeders, and leechers where those are too few. One more than wanted of each, in
-- case the asker finds itself.
local function choose(key, list, numwant, width)
  local isSeeder = list % 2 == 1
  local other = call('ZRANDMEMBER', key .. SUFFIXES[isSeeder and list - 1 or list + 1], numwant + 1)
  if isSeeder or #other > numwant then return table.concat(other) end
  local own = call('ZRANDMEMBER', key .. SUFFIXES[list], numwant + 1 - #other)
  return table.concat(other) .. table.concat(own)
end

local replies, at = {}, 1
while at < #records do
  local key = sub(records, at, at + KEY_BYTES - 1)
  local list, numwant, _, special = byte(records, at + KEY_BYTES, at + KEY_BYTES + 3)
  local what, width = special % 4, list >= 2 and 18 or 6
  local reportAt = at + KEY_BYTES + 4 + CHUNKS_BYTES
  local endpointAt = reportAt + REPORT_BYTES
  local endpoint = sub(records, endpointAt, endpointAt + width - 1)
  local peers = ''
  if what == STOPPED then
    remove(key, list, endpoint)
  else
    if numwant > 0 then peers = choose(key, list, numwant, width) end
    add(key, list, endpoint, sub(records, reportAt, endpointAt - 1))
    if what == COMPLETED and call('ZADD', key .. ':done', 'NX', now, endpoint) == 1 then
      call('HINCRBY', key, 'completed', 1)
      call('HINCRBY', 'totals:' .. sub(key, 7, 11), 'completed', 1)
    end
  end
  local leechers = call('ZCARD', key .. ':l4') + call('ZCARD', key .. ':l6')
  local seeders = call('ZCARD', key .. ':s4') + call('ZCARD', key .. ':s6')
  local completed = tonumber(call('HGET', key, 'completed') or 0)
  replies[#replies + 1] = struct.pack('>I4I4I4', leechers, seeders, completed)
  replies[#replies + 1] = peers
  at = endpointAt + width
end
return replies
