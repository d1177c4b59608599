-- include: peer_problem
-- A small swarm has up to 10 peers, 4 pieces and 6 other fields: one of more than this is none of ours.
local SMALL_FIELDS_MAX = 100

-- The peers of a small swarm among all its fields. Answers, by list, the sound ones and how many they are; the earliest
-- last announce, nil where there is none; what is no peer though its name is an endpoint's, each with the reason after
-- it; and the pieces by their fields.
local function smallPeers(fields, latest)
  local peers, sizes = { [0] = {}, {}, {}, {} }, { [0] = 0, 0, 0, 0 }
  local earliest, wrong, pieces = nil, {}, {}
  for i = 1, #fields, 2 do
    local name, value = fields[i], fields[i + 1]
    if #name == 6 or #name == 18 then
      local problem, role, announced = peerProblem(value, latest)
      if problem then
        wrong[#wrong + 1] = name
        wrong[#wrong + 1] = problem
      else
        local list = #name == 18 and role + 2 or role
        peers[list][name] = true
        sizes[list] = sizes[list] + 1
        if not earliest or announced < earliest then earliest = announced end
      end
    elseif #name == 7 and string.find(name, '^[ls][46]:%x%x%x%x$') then
      pieces[name] = value
    end
  end
  return peers, sizes, earliest, wrong, pieces
end
