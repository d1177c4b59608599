#!lua
-- Raises numbers in a hash to at least so much: counters, accounts. Done twice, it changes nothing the second time.
--
-- keys: hash
-- args: per field its name and a number, decimal digits
-- reply: how many were not there, and how many were less; an error, and nothing changed, where a field holds what is no such number
local hash, raised, missing = KEYS[1], {}, 0

-- Amounts may be more than Lua's numbers are exact for.
local function isLess(a, b) return #a < #b or #a == #b and a < b end

for i = 1, #ARGV, 2 do
  local field, amount = ARGV[i], ARGV[i + 1]
  local had = redis.call('HGET', hash, field)
  if had and not (had == '0' or #had < 20 and string.find(had, '^[1-9]%d*$')) then
    return redis.error_reply('ERR ' .. hash .. ' holds what is no number as ' .. field)
  end
  if not had then missing = missing + 1 end
  if not had or isLess(had, amount) then
    raised[#raised + 1] = field
    raised[#raised + 1] = amount
  end
end
for i = 1, #raised, 2 do redis.call('HSET', hash, raised[i], raised[i + 1]) end
return { missing, #raised / 2 - missing }
