#!lua
-- Changes a list that operators keep, many names at once; counts the change, and tells it, by which frontends learn of it.
--
-- keys: list        hash of names, each with a value
--       version     how many times the list was changed
--       changes     stream of the last changes: the version that each made, and in lines its names with their new values
-- args: namesMax    how many names there may be
--       how         `put`; `prolong`: values are until when, 0 for ever, and what lasts longer stays; `end`
--       changesMax  how many changes the stream keeps
--       changesS    for how long after the last one
--       then name and value, one after another; of `end`, the value that the name has to have, empty where any will do
-- reply: a digit for each name: 0 nothing is changed, 1 it is new, or has ended, 2 it has another value, 3 there are too many
local list, version, changes = KEYS[1], KEYS[2], KEYS[3]
local namesMax, how, changesMax, changesS = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local count = redis.call('HLEN', list)
local replies, put, ended, told, known = {}, {}, {}, {}, {}

local function lasts(untilS)
  return untilS == '0' and math.huge or tonumber(untilS) or 0
end

for i = 5, #ARGV, 2 do
  local name, value, reply = ARGV[i], ARGV[i + 1], '0'
  -- A name may come twice.
  local found = known[name]
  if found == nil then found = redis.call('HGET', list, name) end
  if how == 'end' then
    if found and (value == '' or value == found) then
      reply, count, known[name] = '1', count - 1, false
      ended[#ended + 1] = name
      told[#told + 1] = name .. ' '
    end
  elseif not found and count >= namesMax then
    reply = '3'
  elseif found ~= value and not (found and how == 'prolong' and lasts(found) >= lasts(value)) then
    if found then reply = '2' else reply, count = '1', count + 1 end
    known[name] = value
    put[#put + 1] = name
    put[#put + 1] = value
    told[#told + 1] = name .. ' ' .. value
  end
  replies[#replies + 1] = reply
end

if #told > 0 then
  -- First, so that nothing is changed that is not told where one of the two is damaged.
  local number = redis.call('INCR', version)
  redis.call('XADD', changes, 'MAXLEN', changesMax, '*', 'version', number, 'changes', table.concat(told, '\n'))
  redis.call('EXPIRE', changes, changesS)
  if #ended > 0 then redis.call('HDEL', list, unpack(ended)) end
  if #put > 0 then redis.call('HSET', list, unpack(put)) end
end
return table.concat(replies)
