#!lua flags=no-writes,allow-cross-slot-keys
-- Answers scrapes: the heads of the swarms named.
-- keys: none needed (a batch reaches every slot of its node); one may be declared, to say which node
-- args: keyBytes  of a swarm's key
--       keys      of the swarms, as text, one after another: <prefix>swarm:{09a}:<40 hex>
--       listed    '1' where only whitelisted torrents are told of; may be left out
-- reply: per swarm, in the order asked, its head (24 bytes) or nil; an error stands in the place of a damaged one
local keyBytes, keys, listed = tonumber(ARGV[1]), ARGV[2], ARGV[3] == '1'
local sub, heads = string.sub, {}
local prefix = sub(keys, 1, keyBytes - 52)

-- Whether a swarm may be told of: 1 or 0, or an error.
local function isTold(key)
  if not listed then return 1 end
  return redis.pcall('SISMEMBER', prefix .. 'whitelist:' .. sub(key, #prefix + 7, #prefix + 11), sub(key, -40))
end

for i = 1, #keys / keyBytes do
  local key = sub(keys, (i - 1) * keyBytes + 1, i * keyBytes)
  local told = isTold(key)
  if told == 1 then
    heads[i] = redis.pcall('HGET', key, 'head')
  else
    heads[i] = told ~= 0 and told
  end
end
return heads
