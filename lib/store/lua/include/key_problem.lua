-- include: swarm_head
local KEY_LISTS = { l4 = 0, s4 = 1, l6 = 2, s6 = 3 }
-- Members that are looked at here; a larger memory of completed downloads is walked by the caller.
local MEMBERS_LOOKED_MAX = 30

local function typeOf(key) return redis.call('TYPE', key).ok end

-- The head of a swarm where it can be read.
local function soundHead(key)
  local head = redis.pcall('HGET', key, 'head')
  if type(head) == 'string' and #head == HEAD_BYTES then return head end
end

local function doneProblem(swarm, key)
  if typeOf(key) ~= 'zset' then return typeOf(key) ~= 'none' and 'wrong type' or nil end
  if typeOf(swarm) ~= 'hash' then return 'orphan' end
  local head, remembered = soundHead(swarm), redis.call('ZCARD', key)
  if head then
    local _, _, completed = countsOf(head)
    if completed < remembered then return 'more than completed' end
  end
  if remembered > MEMBERS_LOOKED_MAX then return 'many' end
  for _, endpoint in ipairs(redis.call('ZRANGE', key, 0, -1)) do
    if #endpoint ~= 6 and #endpoint ~= 18 then return 'wrong members' end
  end
end

-- What is wrong with a key that has the name of a swarm, of a chunk or of a memory of completed downloads, in one word
-- for each case; nil where nothing is, or the key has gone.
local function keyProblem(prefix, key)
  local swarm = string.sub(key, 1, #prefix + 52)
  local rest = string.sub(key, #prefix + 53)
  if rest == ':done' then return doneProblem(swarm, key) end
  if rest ~= '' then
    local head = soundHead(swarm)
    local list, digits = string.match(rest, '^:(..):(....)$')
    if head and tonumber(digits, 16) < chunksOf(head, KEY_LISTS[list]) then return nil end
    return typeOf(key) ~= 'none' and 'orphan' or nil
  end
  local index = prefix .. 'torrents:' .. string.sub(key, #prefix + 7, #prefix + 11)
  if type(redis.pcall('ZSCORE', index, string.sub(key, -40))) == 'string' then return nil end
  local itsType = typeOf(key)
  if itsType == 'none' then return nil end
  return itsType == 'hash' and 'not in index' or 'wrong type'
end
