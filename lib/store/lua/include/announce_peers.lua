-- include: other_role value_of choose_peers damage
-- Peers for a reply, where it is not a whole piece. Of announce.lua.

-- All that a peer of a small swarm can be given: a seeder leechers, a leecher all.
local function allOfSmall(key, list, width, ownPiece, otherPiece)
  local others = otherPiece or ''
  if #others % width > 0 or ownPiece and #ownPiece % width > 0 then fault(key, 'has a cut piece') end
  if list % 2 == 1 or not ownPiece then return others end
  return others .. ownPiece
end

-- With details, a peer's value is: role 1, last announce 4, peer id 20, downloaded 8, left 8, uploaded 8, event 1.
local VALUE_BYTES = 50

-- At most numwant of the endpoints, not the asker's own, each followed by its peer id.
local function withPeerIds(key, head, list, endpoint, numwant, peers)
  local width, found = #endpoint, {}
  local total = #peers / width
  local start = total > 0 and math.random(0, total - 1) or 0
  for i = 0, total - 1 do
    if #found == numwant then break end
    local at = (start + i) % total * width
    local peer = sub(peers, at + 1, at + width)
    local value = peer ~= endpoint and valueOf(key, head, otherRole(list), peer)
    -- One that was kept without details has no id to tell.
    if value and #value >= VALUE_BYTES then found[#found + 1] = peer .. sub(value, 6, 25) end
  end
  return table.concat(found)
end
