#!lua flags=allow-oom
-- Deletes a key that belongs to no swarm or is of a wrong type, where that is still so.
--
-- keys: the key
-- args: prefix of all keys
--       kind   the type that it must have; empty where its name is of a swarm's key: then what is stored says it
-- reply: 1 where it was deleted
-- include: key_problem whole_shard
local key, prefix, kind = KEYS[1], ARGV[1], ARGV[2]
local problem
if kind == '' then
  needWholeShard(prefix, string.match(key, '{...}', #prefix + 1))
  problem = keyProblem(prefix, key)
elseif typeOf(key) ~= kind and typeOf(key) ~= 'none' then
  problem = 'wrong type'
end
if problem ~= 'orphan' and problem ~= 'wrong type' then return 0 end
return redis.call('UNLINK', key)
