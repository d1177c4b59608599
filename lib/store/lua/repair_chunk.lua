#!lua flags=allow-oom
-- Makes one chunk of a large swarm right: removes what is no peer of it, of a peer in both roles the older one, writes
-- the piece anew, and counts what it removed. A client whose peer is removed announces again.
--
-- keys: torrents:{09a}, the shard's index (all that is touched is in its slot)
-- args: prefix     of all keys
--       lifetimeS  of a peer
--       nowS       seconds since the epoch; empty: Redis's own clock
--       infoHash   40 hex
--       field      of the chunk's piece, as s4:0000
-- reply: how many peers were removed
-- include: swarm_head chunk_field chunk_peers piece_without write_piece change_totals whole_shard
local prefix, lifetimeS, infoHash, field = ARGV[1], tonumber(ARGV[2]), ARGV[4], ARGV[5]
local call = redis.call
local now = tonumber(ARGV[3]) or tonumber(call('TIME')[1])
local shard = string.sub(KEYS[1], -5)
needWholeShard(prefix, shard)
local key = prefix .. 'swarm:' .. shard .. ':' .. infoHash
local hash = chunkKey(key, field)
local LISTS = { l4 = 0, s4 = 1, l6 = 2, s6 = 3 }

-- Swarm and chunk may have changed since they were found wrong.
local head = redis.pcall('HGET', key, 'head')
if type(head) ~= 'string' or #head ~= HEAD_BYTES then return 0 end
local list, number = LISTS[string.sub(field, 1, 2)], tonumber(string.sub(field, 4), 16)
if number >= chunksOf(head, list) then return 0 end

local peers, _, wrong, doubles = chunkPeers(key, head, list, number, now + lifetimeS)
if not peers then
  -- What its peers were nobody knows: they are counted anew with the swarm.
  call('UNLINK', hash)
  call('HDEL', key, field)
  return 0
end
for i = 1, #wrong, 2 do call('HDEL', hash, wrong[i]) end
for i = 1, #doubles, 2 do
  local endpoint, there = doubles[i], doubles[i + 1]
  call('HDEL', chunkKey(key, there), endpoint)
  local rest = pieceWithout(call('HGET', key, there) or '', endpoint, #endpoint)
  if rest then writePiece(key, there, rest) end
end
local staying = {}
for endpoint in pairs(peers) do staying[#staying + 1] = endpoint end
writePiece(key, field, table.concat(staying))

local less = { [0] = 0, 0 }
less[list % 2] = #wrong / 2
less[0] = less[0] + #doubles / 2
if less[0] + less[1] == 0 then return 0 end
local leechers, seeders, completed = countsOf(head)
less[0], less[1] = math.min(less[0], leechers), math.min(less[1], seeders)
head = headWithCounts(head, leechers - less[0], seeders - less[1], completed)
call('HSET', key, 'head', head, 'leechers', leechers - less[0], 'seeders', seeders - less[1])
changeTotals(prefix, shard, { leechers = -less[0], seeders = -less[1] })
return less[0] + less[1]
