-- include: damage is_integer
-- With details, a peer's value is: role 1, last announce 4, peer id 20, downloaded 8, left 8, uploaded 8, event 1.
local VALUE_BYTES = 50
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

-- Adds to a passkey's account what its peer moved since its last announce, `before`: never below zero, so that a client
-- that starts again from nothing, or resets its counters, neither loses nor counts twice.
local function creditAccount(account, passkey, before, report)
  if not before or #before < VALUE_BYTES then return end -- new here, or kept without details
  -- Another client at the endpoint of one that went without a word: where it moved all that it tells of, nobody knows.
  if string.sub(before, 6, 25) ~= string.sub(report, 1, 20) then return end
  local downBefore, _, upBefore = struct.unpack('>I8I8I8', before, 26)
  local down, _, up = struct.unpack('>I8I8I8', report, 21)
  for name, delta in pairs({ up = up - upBefore, down = down - downBefore }) do
    if delta > 0 and delta <= CREDIT_BYTES_MAX and math.max(up, down) < 2 ^ 53 then
      redis.call('HINCRBY', account, passkey .. ':' .. name, string.format('%.0f', delta))
    end
  end
end
