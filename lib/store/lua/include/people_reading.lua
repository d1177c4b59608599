-- include: people_text damage
-- Things that are wrong that one answer tells of at most.
local WRONG_TOLD_MAX = 10
-- Fields of a hash that are looked at: more than a hash of ours has, save in a swarm of thousands of chunks, which is not read whole.
local FIELDS_LOOKED_MAX = 2000

-- Reads a key that must be of a type; what is wrong goes to `wrong`, and nil is answered.
local function ask(wrong, expected, command, key, ...)
  local reply = redis.pcall(command, key, ...)
  if type(reply) ~= 'table' or not reply.err then return reply end
  wrong[#wrong + 1] = damageText(reply, key, { [key] = expected })
end

-- The fields of a hash, each followed by its value: all, unless there are more than any of ours has.
local function fieldsOf(wrong, key)
  local reply = ask(wrong, 'hash', 'HSCAN', key, 0, 'COUNT', FIELDS_LOOKED_MAX)
  if not reply then return {} end
  if reply[1] ~= '0' then
    wrong[#wrong + 1] = key .. ' has more fields than any of its kind, and only the first were looked at'
  end
  return reply[2]
end

-- Adds what is wrong to lines, and what to do.
local function addWrong(lines, wrong)
  if #wrong == 0 then return end
  lines[#lines + 1] = ''
  for i = 1, math.min(#wrong, WRONG_TOLD_MAX) do lines[#lines + 1] = 'wrong: ' .. wrong[i] end
  if #wrong > WRONG_TOLD_MAX then lines[#lines + 1] = 'wrong: ' .. #wrong - WRONG_TOLD_MAX .. ' more' end
  lines[#lines + 1] = '`npx redswarm audit` looks at all of it, and mends most with --repair'
end
