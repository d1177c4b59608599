#!lua flags=allow-cross-slot-keys
-- Takes over what clients with passkeys have said last, so that their next announces are credited from there on. What was said
-- later counts: it is remembered for longer. Done twice, it changes nothing the second time.
--
-- keys: none declared (a batch reaches every slot of its node)
-- args: prefix     of all keys
--       lifetimeS  of a peer: nothing is remembered for longer
--       isCluster  '1' where slots can move
--       then per report
--         infoHash  40 hex
--         passkey
--         peerId    20 bytes
--         amounts   downloaded and uploaded, u64 each
--         until     when it expires, in seconds since the epoch
-- reply: per report `added`, `changed`, `unchanged`, `expired`, or `bad` where its key is of another type
-- include: shard_place
local prefix, lifetimeS, isCluster = ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1'
local FIRST = 4
local time = tonumber(redis.call('TIME')[1])

local function shardOf(infoHash) return '{' .. string.sub(infoHash, 1, 3) .. '}' end

-- Before the first write: what is on the move is asked for again, and all is counted once.
if isCluster then
  for i = FIRST, #ARGV, 5 do redis.call('EXISTS', placeKey(prefix, shardOf(ARGV[i]))) end
end

local function import(infoHash, passkey, peerId, amounts, expires)
  if expires <= time then return 'expired' end
  local key = prefix .. 'moved:' .. shardOf(infoHash) .. ':' .. infoHash .. ':' .. passkey .. ':' .. peerId
  local known = redis.pcall('GET', key)
  if type(known) == 'table' then return 'bad' end
  expires = math.min(expires, time + lifetimeS)
  if known and redis.call('EXPIRETIME', key) >= expires then return 'unchanged' end
  redis.call('SET', key, amounts, 'EXAT', expires)
  return known and 'changed' or 'added'
end

local replies = {}
for i = FIRST, #ARGV, 5 do
  replies[#replies + 1] = import(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], tonumber(ARGV[i + 4]))
end
return replies
