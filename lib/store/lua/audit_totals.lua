#!lua flags=no-writes
-- Sums up the counts of a shard's swarms, next to its totals.
--
-- keys: torrents:{09a}, the shard's index (all that is touched is in its slot)
-- args: prefix of all keys
-- reply: torrents, seeders, leechers, completed of the swarms, and then the totals' texts of these; only 'many' where
--        the shard is too large for one script, nothing where its index is no sorted set
-- include: shard_sums whole_shard
local prefix, shard = ARGV[1], string.sub(KEYS[1], -5)
needWholeShard(prefix, shard)
local sums = shardSums(prefix, shard)
if type(sums) ~= 'table' then return { sums } end
local texts = redis.pcall('HMGET', prefix .. 'totals:' .. shard, 'torrents', 'seeders', 'leechers', 'completed')
if texts.err then texts = {} end
local reply = { sums.torrents, sums.seeders, sums.leechers, sums.completed }
for i = 1, 4 do reply[4 + i] = texts[i] or '' end
return reply
