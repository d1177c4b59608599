-- include: swarm_head chunk_field chunk_of peer_problem small_peers people_text people_reading endpoint_text client_text
-- The lists of a swarm in the order in which people want them: seeders first.
local LISTS_IN_ORDER = { 1, 3, 0, 2 }
-- Chunks that one call passes over or reads: 10 ms, and some 350,000 peers.
local CHUNKS_LOOKED_MAX = 10000

local PEER_TITLES = { 'address', 'role', 'client', 'announced', 'left', 'uploaded', 'downloaded' }
local PEER_NUMBERS = { false, false, false, true, true, true, true }
-- With details, a peer's value has so many bytes.
local DETAILED_BYTES = 50

local function peerRow(endpoint, value, now)
  local role, announced = struct.unpack('>BI4', value)
  local row = { endpointText(endpoint), role == 1 and 'seeder' or 'leecher', '-', agoText(announced, now), '-', '-', '-' }
  if #value == DETAILED_BYTES then
    local peerId, downloaded, left, uploaded = struct.unpack('>c20I8I8I8', value, 6)
    row[3], row[5], row[6], row[7] = clientText(peerId), bytesText(left), bytesText(uploaded), bytesText(downloaded)
  end
  return row
end

-- What is wrong with a field of a chunk; nil where it is a peer that belongs there.
local function fieldProblem(endpoint, value, head, list, number)
  if #endpoint ~= (list >= 2 and 18 or 6) then
    return 'has the field "' .. string.sub(endpoint, 1, 20) .. '", which is no endpoint of this list'
  end
  local problem, role = peerProblem(value, math.huge)
  if not problem and role ~= list % 2 then problem = 'has the role ' .. role .. ' in a list of the other' end
  if not problem and chunkOf(head, endpoint, chunksOf(head, list)) ~= number then problem = 'belongs into another chunk' end
  return problem and 'has a peer ' .. endpointText(endpoint) .. ' that ' .. problem
end

-- The peers of a small swarm by their lists, each followed by its value.
local function smallLists(wrong, key)
  local fields, lists = fieldsOf(wrong, key), { [0] = {}, {}, {}, {} }
  if #fields > 2 * SMALL_FIELDS_MAX then wrong[#wrong + 1] = key .. ' has more fields than a small swarm can have' end
  for i = 1, #fields, 2 do
    local name, value = fields[i], fields[i + 1]
    if #name == 6 or #name == 18 then
      local problem, role = peerProblem(value, math.huge)
      if problem then
        wrong[#wrong + 1] = key .. ' has a peer ' .. endpointText(name) .. ' that ' .. problem
      else
        local list = lists[role + (#name == 18 and 2 or 0)]
        list[#list + 1] = name
        list[#list + 1] = value
      end
    end
  end
  return lists
end

-- The peers of a chunk, each followed by its value.
local function chunkList(wrong, hash, head, list, number)
  local fields, peers = fieldsOf(wrong, hash), {}
  for i = 1, #fields, 2 do
    local problem = fieldProblem(fields[i], fields[i + 1], head, list, number)
    if problem then
      wrong[#wrong + 1] = hash .. ' ' .. problem
    else
      peers[#peers + 1] = fields[i]
      peers[#peers + 1] = fields[i + 1]
    end
  end
  return peers
end

-- Rows of a swarm's peers, after the first `offset`, and whether there is more than one call looks at.
local function peerRows(wrong, key, head, offset, limit, now)
  local rows, looked, isInSmall = {}, 0, isSmall(head)
  local lists = isInSmall and smallLists(wrong, key)
  for _, list in ipairs(LISTS_IN_ORDER) do
    for number = 0, isInSmall and 0 or chunksOf(head, list) - 1 do
      if #rows == limit then return rows end
      if looked == CHUNKS_LOOKED_MAX then return rows, true end
      looked = looked + 1
      local hash = isInSmall and key or chunkKey(key, chunkField(list, number))
      local size = isInSmall and #lists[list] / 2 or ask(wrong, 'hash', 'HLEN', hash) or 0
      if offset < size then
        local peers = isInSmall and lists[list] or chunkList(wrong, hash, head, list, number)
        for i = 2 * offset + 1, #peers, 2 do
          if #rows < limit then rows[#rows + 1] = peerRow(peers[i], peers[i + 1], now) end
        end
      end
      offset = math.max(0, offset - size)
    end
  end
  return rows
end

local function addPeerTable(lines, rows)
  local all = { PEER_TITLES }
  for _, row in ipairs(rows) do all[#all + 1] = row end
  addTable(lines, all, PEER_NUMBERS)
end
