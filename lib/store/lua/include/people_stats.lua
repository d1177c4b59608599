-- include: people_text people_reading is_integer
local PROTOCOLS = { { 'udp4', 'UDP, IPv4' }, { 'udp6', 'UDP, IPv6' }, { 'tcp4', 'HTTP, IPv4' }, { 'tcp6', 'HTTP, IPv6' } }
local KINDS = {
  { 'connections', 'connections' }, { 'announces', 'announces' }, { 'announces_refused', 'refused' },
  { 'scrapes', 'scrapes' }, { 'scrapes_refused', 'refused' }, { 'errors', 'errors' },
}
-- HTTP has no connects of its own.
local NOT_COUNTED = { tcp4_connections = true, tcp6_connections = true }
local OTHER_COUNTERS = {
  { 'udp_ignored', 'datagrams that were no request' },
  { 'udp_dropped', 'datagrams dropped, too many being in work' },
  { 'udp_errors_silenced', 'errors held back, too many being for one address' },
  { 'udp_banned', 'datagrams of banned addresses' },
  { 'udp_over_rate', 'datagrams of addresses that sent too many' },
  { 'refused_banned', 'HTTP requests of banned addresses' },
  { 'proxy_untrusted', 'PROXY headers that came from no trusted proxy' },
  { 'proxy_broken', 'PROXY headers of trusted proxies that were broken' },
  { 'proxy_silent', 'datagrams of trusted proxies that told no client' },
  { 'early_announces', 'announces too early too often, told no peers' },
  { 'http_connections_closed', 'HTTP connections closed: too many were open' },
  { 'udp_unsent', 'replies that the system would not send' },
  { 'refused_unlisted', 'refused: the torrent is not on the whitelist' },
  { 'refused_private', 'refused: no valid passkey' },
  { 'refused_denied', 'refused: the torrent is denied' },
  { 'refused_client', 'refused: the client is not allowed' },
  { 'refused_address', 'refused: nobody could connect to the address or port' },
  { 'refused_over_rate', 'refused: too many requests of one address' },
  { 'refused_torrents', 'refused: as many torrents as there may be' },
  { 'refused_address_torrents', 'refused: too many torrents of one address' },
  { 'refused_swarm_peers', 'refused: as many peers as a swarm may have' },
  { 'store_busy', 'refused: too many waited for Redis' },
  { 'store_away', 'refused: Redis could not be reached' },
  { 'store_slow', 'refused: Redis did not answer in time' },
  { 'store_loading', 'refused: Redis was reading its data' },
  { 'store_read_only', 'refused: Redis took no writes' },
  { 'store_out_of_memory', 'refused: Redis had no memory left' },
  { 'store_failing_over', 'refused: another Redis was taking its place' },
  { 'store_damaged', 'refused: the swarm is damaged' },
}

-- What all frontends have counted, by protocol and kind.
local function addCounters(lines, wrong, key)
  local fields, counts = fieldsOf(wrong, key), {}
  for i = 1, #fields, 2 do
    local isCount = isInteger(fields[i + 1], 20)
    if isCount then counts[fields[i]] = fields[i + 1]
    else wrong[#wrong + 1] = key .. ' has "' .. fields[i + 1] .. '" for ' .. fields[i] .. ', which is no number' end
  end
  local function take(name)
    if NOT_COUNTED[name] then return '-' end
    local count = counts[name] or '0'
    counts[name] = nil
    return numberText(count)
  end
  local head = { 'protocol' }
  for _, kind in ipairs(KINDS) do head[#head + 1] = kind[2] end
  local rows = { head }
  for _, protocol in ipairs(PROTOCOLS) do
    local row = { protocol[2] }
    for _, kind in ipairs(KINDS) do row[#row + 1] = take(protocol[1] .. '_' .. kind[1]) end
    rows[#rows + 1] = row
  end
  addTable(lines, rows, { false, true, true, true, true, true, true })
  lines[#lines + 1] = ''
  rows = {}
  for _, counter in ipairs(OTHER_COUNTERS) do rows[#rows + 1] = { counter[1], take(counter[1]), counter[2] } end
  -- Of another version of the tracker.
  for name in pairs(counts) do rows[#rows + 1] = { name, take(name), '' } end
  addTable(lines, rows, { false, true })
end

-- One that has said nothing for longer is told as silent: it was killed, or cannot reach Redis.
local SILENT_AFTER_S = 5

local function isProcess(process)
  if type(process) ~= 'table' or type(process.roles) ~= 'table' or type(process.listens) ~= 'table' then return false end
  for _, name in ipairs({ 'pid', 'startedAt', 'at', 'rssBytes', 'cpuCores', 'requestsPerS' }) do
    local number = process[name]
    if type(number) ~= 'number' or not (number >= 0 and number < 2 ^ 53) then return false end
  end
  return type(process.host) == 'string' and type(process.version) == 'string'
    and pcall(table.concat, process.roles) and pcall(table.concat, process.listens)
end

local function processRow(process, now)
  local silentS = now - process.at
  return {
    process.host, string.format('%.0f', process.pid), table.concat(process.roles, ' '), process.version,
    durationText(math.max(0, now - process.startedAt)), numberText(process.requestsPerS),
    string.format('%.2f', process.cpuCores), bytesText(process.rssBytes),
    silentS > SILENT_AFTER_S and 'silent for ' .. durationText(silentS) or table.concat(process.listens, ', '),
  }
end

-- The processes of the tracker, by what each said of itself last.
local function addProcesses(lines, wrong, key, now)
  local fields, found = fieldsOf(wrong, key), {}
  for i = 1, #fields, 2 do
    local isJson, process = pcall(cjson.decode, fields[i + 1])
    if isJson and isProcess(process) then found[#found + 1] = processRow(process, now)
    else wrong[#wrong + 1] = key .. ' has in its field ' .. fields[i] .. ' what no process says of itself' end
  end
  if #found == 0 then
    lines[#lines + 1] = 'no process of a tracker has told of itself here'
    return
  end
  table.sort(found, function(a, b) return table.concat(a, ' ', 1, 3) < table.concat(b, ' ', 1, 3) end)
  local rows = { { 'host', 'pid', 'roles', 'version', 'up', 'requests/s', 'CPU', 'memory', 'listens' } }
  for _, row in ipairs(found) do rows[#rows + 1] = row end
  addTable(lines, rows, { false, true, false, false, true, true, true, true })
end
