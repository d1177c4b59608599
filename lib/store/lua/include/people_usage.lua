-- include: people_text
-- What whoever calls is told to type instead. (An error that is answered, not raised, comes without Lua's own words.)
local function typeInstead(problem, name, key, rest)
  return { err = printable('ERR ' .. problem .. '; type: FCALL_RO ' .. name .. " 1 '" .. key .. "'" .. rest) }
end

-- The prefix of all keys and the shard, of a shard's key: `09a` of `<prefix>torrents:{09a}`.
local function shardOfKey(key)
  return string.match(key or '', '^([^{}]*)torrents:{([0-9a-f][0-9a-f][0-9a-f])}$')
end

-- The info hash of a call, its shard's key having been given; or an error.
local function infoHashOf(name, keys, args)
  local prefix, shard = shardOfKey(keys[1])
  local given = args[1] or ''
  local infoHash = #given == 40 and string.find(given, '^%x+$') and string.lower(given)
  local key = (prefix or '') .. 'torrents:{' .. (infoHash and string.sub(infoHash, 1, 3) or shard or '09a') .. '}'
  local rest = ' ' .. (infoHash or '<info hash>')
  if not args[1] then return nil, typeInstead('no info hash is given', name, key, rest) end
  if not infoHash then
    return nil, typeInstead('"' .. string.sub(given, 1, 60) .. '" is no info hash of 40 hex digits', name, key, rest)
  end
  if #keys ~= 1 or keys[1] ~= key then
    local problem = 'the key must be that of the shard of this info hash, with REDSWARM_KEY_PREFIX before it where that is set'
    return nil, typeInstead(problem, name, key, rest)
  end
  return infoHash
end

-- A limit and how many to pass over, of the arguments from one on; or an error. `rest`: what was typed up to there.
local function pageOf(name, keys, args, from, limits, rest)
  local limit, offset = args[from] or tostring(limits.usual), args[from + 1] or '0'
  local isLimit = string.find(limit, '^%d+$') and tonumber(limit) >= 1 and tonumber(limit) <= limits.most
  if not isLimit then
    local problem = 'the limit must be 1 to ' .. limits.most .. ', not "' .. string.sub(limit, 1, 40) .. '"'
    return nil, nil, typeInstead(problem, name, keys[1], rest .. ' ' .. limits.usual)
  end
  if not string.find(offset, '^%d+$') or #offset > 9 then
    local problem = 'how many to pass over must be a whole number, not "' .. string.sub(offset, 1, 40) .. '"'
    return nil, nil, typeInstead(problem, name, keys[1], rest .. ' ' .. limit .. ' 0')
  end
  if args[from + 2] then
    return nil, nil, typeInstead('there are more arguments than it takes', name, keys[1], rest .. ' ' .. limit .. ' ' .. offset)
  end
  return tonumber(limit), tonumber(offset)
end
