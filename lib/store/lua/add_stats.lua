#!lua
-- Adds what a frontend counted since its last flush, once: a flush that was not answered in time comes again, and may
-- have been executed all the same.
--
-- keys: stats       a hash, what all frontends counted
--       statsFlush  a string, the number of this frontend's last flush
-- args: number      of this flush, growing
--       rememberedS how long the number is kept after a flush
--       then per counter its name and what to add to it
-- reply: 1 where it was added, 0 where it had been; an error, and nothing added, where a counter is no number
-- include: is_integer
local stats, statsFlush = KEYS[1], KEYS[2]
local number, rememberedS = tonumber(ARGV[1]), ARGV[2]
if number <= (tonumber(redis.call('GET', statsFlush)) or 0) then return 0 end
for i = 3, #ARGV, 2 do
  local count = redis.call('HGET', stats, ARGV[i])
  if count and not isInteger(count, 19) then
    return redis.error_reply('ERR ' .. stats .. ' holds what is no number as ' .. ARGV[i])
  end
end
for i = 3, #ARGV, 2 do redis.call('HINCRBY', stats, ARGV[i], ARGV[i + 1]) end
redis.call('SET', statsFlush, number, 'EX', rememberedS)
return 1
