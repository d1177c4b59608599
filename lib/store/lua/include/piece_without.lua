-- Where a packed piece has an endpoint of `width` bytes; nothing where it does not.
local function placeIn(piece, endpoint, width)
  local at = string.find(piece, endpoint, 1, true)
  while at and (at - 1) % width ~= 0 do at = string.find(piece, endpoint, at + 1, true) end
  return at
end

-- A packed piece without one endpoint: the last one takes its place. Nothing where it is not there.
local function pieceWithout(piece, endpoint, width)
  local at = placeIn(piece, endpoint, width)
  if not at then return nil end
  local last = #piece - width
  if at > last then return string.sub(piece, 1, last) end
  return string.sub(piece, 1, at - 1) .. string.sub(piece, -width) .. string.sub(piece, at + width, last)
end
