#!lua flags=no-writes
-- Reads swarms of one shard whole, for a bounded time: each small one, with who has completed, at one moment.
--
-- keys: torrents:{09a}, the shard's index (all that is touched is in its slot)
-- args: prefix  of all keys
--       budget  how many peers may be read
--       peers   '1' where peers are wanted, and not only counts
--       then info hashes, 40 hex each
-- reply: of each swarm that was come to, four elements: its head, nil where there is no such swarm, or an error; when it came to be; its
--        hash, or nil where it is large or not wanted (export_peers.lua); its `:done` with scores, or nil where it is large or not wanted
-- include: swarm_head whole_shard
local index, prefix, budget, wantsPeers = KEYS[1], ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1'
local call, try = redis.call, redis.pcall
local shard = string.sub(index, -5)
needWholeShard(prefix, shard)
local FIRST = 4
-- A small swarm has up to 10 peers, 4 pieces and 6 other fields: one of more than this is none of ours.
local SMALL_FIELDS_MAX, DONE_MAX = 100, 100
local looked, found = 0, {}

local function damaged(key, what) return { err = 'DAMAGED ' .. key .. ' ' .. what } end

local function read(key)
  looked = looked + 4
  local fields = try('HMGET', key, 'head', 'added')
  if fields.err then return damaged(key, 'is no hash'), false, false, false end
  local head, added = fields[1], fields[2]
  if not head then
    return call('EXISTS', key) == 1 and damaged(key, 'has no head') or false, false, false, false
  end
  if #head ~= HEAD_BYTES then return damaged(key, 'has a head of ' .. #head .. ' bytes'), false, false, false end
  if not wantsPeers then return head, added, false, false end
  local remembered = try('ZCARD', key .. ':done')
  if type(remembered) == 'table' then return damaged(key .. ':done', 'is no sorted set'), false, false, false end
  local done = remembered <= DONE_MAX and call('ZRANGE', key .. ':done', 0, -1, 'WITHSCORES')
  if not isSmall(head) then return head, added, false, done end
  local size = call('HLEN', key)
  if size > SMALL_FIELDS_MAX then return damaged(key, 'is a small swarm of ' .. size .. ' fields'), false, false, false end
  looked = looked + size + remembered
  return head, added, call('HGETALL', key), done
end

for i = FIRST, #ARGV do
  if looked >= budget then break end
  local head, added, hash, done = read(prefix .. 'swarm:' .. shard .. ':' .. ARGV[i])
  local at = (i - FIRST) * 4
  found[at + 1], found[at + 2], found[at + 3], found[at + 4] = head, added, hash, done
end
return found
