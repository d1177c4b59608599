#!lua flags=no-writes,allow-cross-slot-keys
-- Answers scrapes: the heads of the swarms named.
-- keys: none needed (a batch reaches every slot of its node); one may be declared, to say which node
-- args: keyBytes, then the swarms' keys as text, one after another
-- reply: per swarm, in the order asked, its head (24 bytes) or nil; an error stands in the place of a damaged one
local keyBytes, keys = tonumber(ARGV[1]), ARGV[2]
local heads = {}
for i = 1, #keys / keyBytes do
  heads[i] = redis.pcall('HGET', string.sub(keys, (i - 1) * keyBytes + 1, i * keyBytes), 'head')
end
return heads
