-- include: swarm_head other_role chunk_field chunk_of peer_problem
-- The peers of one chunk. Answers the last announces of the sound ones by endpoint, how many they are, what is no peer
-- of this chunk, each with the reason after it, and how many fields its hash has; or nil where it is no hash. A peer in
-- both roles is wrong where it announced longer ago. Only a list of seeders is held against the other role's: for each
-- peer that is wrong there, `doubles` has the endpoint and the field.
local function chunkPeers(key, head, list, number, latest)
  local chunks, width, role = chunksOf(head, list), list >= 2 and 18 or 6, list % 2
  local fields = redis.pcall('HGETALL', chunkKey(key, chunkField(list, number)))
  if fields.err then return nil end
  local peers, count, wrong, doubles = {}, 0, {}, {}
  local other = otherRole(list)
  local function why(endpoint, value)
    if #endpoint ~= width then return 'is no endpoint of ' .. width .. ' bytes' end
    local problem, itsRole, announced = peerProblem(value, latest)
    if problem then return problem end
    if itsRole ~= role then return 'has the role ' .. itsRole .. ' in a list of the other' end
    if chunkOf(head, endpoint, chunks) ~= number then return 'belongs into another chunk' end
    if role == 0 then return nil, announced end
    local field = chunkField(other, chunkOf(head, endpoint, chunksOf(head, other)))
    local double = redis.pcall('HGET', chunkKey(key, field), endpoint)
    if type(double) ~= 'string' then return nil, announced end
    local wrongThere, _, announcedThere = peerProblem(double, latest)
    if not wrongThere and announcedThere > announced then return 'is a leecher as well, since later' end
    doubles[#doubles + 1] = endpoint
    doubles[#doubles + 1] = field
    return nil, announced
  end
  for i = 1, #fields, 2 do
    local endpoint = fields[i]
    local problem, announced = why(endpoint, fields[i + 1])
    if problem then
      wrong[#wrong + 1] = endpoint
      wrong[#wrong + 1] = problem
    else
      peers[endpoint] = announced
      count = count + 1
    end
  end
  return peers, count, wrong, doubles, #fields / 2
end
