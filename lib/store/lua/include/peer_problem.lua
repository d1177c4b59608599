-- What is wrong with a peer's value: nil where it is 5 bytes (role, last announce), or 50 with details, and the last
-- announce is no later than `latest`. Then also its role and its last announce.
local function peerProblem(value, latest)
  if #value ~= 5 and #value ~= 50 then return 'is kept as ' .. #value .. ' bytes, and 5 or 50 are a peer' end
  local role, announced = struct.unpack('>BI4', value)
  if role > 1 then return 'has the role ' .. role .. ', which is none' end
  if announced > latest then return 'has announced at ' .. announced .. ', more than a lifetime from now' end
  return nil, role, announced
end
