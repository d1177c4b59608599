-- Whether a piece tells each of `count` endpoints of `width` bytes once, the keys of `peers`, and nothing else.
local function pieceTells(piece, width, peers, count)
  if #piece ~= count * width then return false end
  local told = {}
  for at = 1, #piece, width do
    local endpoint = string.sub(piece, at, at + width - 1)
    if told[endpoint] or not peers[endpoint] then return false end
    told[endpoint] = true
  end
  return true
end
