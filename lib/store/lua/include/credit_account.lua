-- include: damage is_integer
-- What 80 Gbit/s move in 15 minutes. More between two announces is a lie, and must not bring an account to overflow.
-- (A number of 2^53 and above is not exact in Lua: such a report is a lie as well.)
local CREDIT_BYTES_MAX = 9e12

-- Raises an error where a passkey's account cannot be added to.
local function checkAccount(account, passkey)
  for _, bytes in ipairs(redis.call('HMGET', account, passkey .. ':up', passkey .. ':down')) do
    if bytes and (not isInteger(bytes, 19) or string.sub(bytes, 1, 1) == '-') then
      fault(account, 'holds what is no number for ' .. passkey)
    end
  end
end

-- Adds to a passkey's account what its client moved since its last announce, which `moved` remembers for a peer's lifetime,
-- `before`: never below zero, so that a client that starts again from nothing, or resets its counters, neither loses nor
-- counts twice. It is the client that is remembered, not the endpoint: one at two addresses tells of the same bytes twice.
local function creditAccount(account, passkey, moved, before, report, lifetimeS)
  local amounts = string.sub(report, 21, 28) .. string.sub(report, 37, 44)
  redis.call('SET', moved, amounts, 'EX', lifetimeS)
  if not before or #before ~= #amounts then return end -- new here
  local downBefore, upBefore = struct.unpack('>I8I8', before)
  local down, up = struct.unpack('>I8I8', amounts)
  for name, delta in pairs({ up = up - upBefore, down = down - downBefore }) do
    if delta > 0 and delta <= CREDIT_BYTES_MAX and math.max(up, down) < 2 ^ 53 then
      redis.call('HINCRBY', account, passkey .. ':' .. name, string.format('%.0f', delta))
    end
  end
end
