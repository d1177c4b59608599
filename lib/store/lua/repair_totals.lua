#!lua flags=allow-oom
-- Makes the totals of a shard anew from its swarms.
--
-- keys: torrents:{09a}, the shard's index (all that is touched is in its slot)
-- args: prefix of all keys
-- reply: 1 where that was done
-- include: shard_sums whole_shard
local prefix, shard = ARGV[1], string.sub(KEYS[1], -5)
needWholeShard(prefix, shard)
local sums = shardSums(prefix, shard)
if type(sums) ~= 'table' then return 0 end
local totals = prefix .. 'totals:' .. shard
if redis.call('TYPE', totals).ok ~= 'hash' then redis.call('UNLINK', totals) end
for name, sum in pairs(sums) do redis.call('HSET', totals, name, string.format('%.0f', sum)) end
return 1
