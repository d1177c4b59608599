-- Whether a text is a number that HINCRBY adds to, of fewer digits than given: it takes neither 007 nor -0.
local function isInteger(text, digitsMax)
  return text == '0' or #text < digitsMax and string.find(text, '^%-?[1-9]%d*$') ~= nil
end
