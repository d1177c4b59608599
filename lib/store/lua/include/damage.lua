-- Ends what is being done where a key holds what no script here would write. Nothing has been written by then.
local function fault(key, what) error({ damage = key .. ' ' .. what }) end

-- What to say of an error: the key, and what is wrong with it. Redis's own errors name no key: `types` has what each key
-- that may be to blame should be, and `key` is what was worked on.
local function damageText(problem, key, types)
  if type(problem) == 'table' and problem.damage then return problem.damage end
  for name, expected in pairs(types) do
    local found = redis.call('TYPE', name).ok
    if found ~= 'none' and found ~= expected then return name .. ' is a ' .. found .. ', not a ' .. expected end
  end
  return key .. ' ' .. (type(problem) == 'table' and problem.err or tostring(problem))
end
