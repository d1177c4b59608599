#!lua flags=no-writes
-- Shows people what is in Redis: the library `redswarm`, for redis-cli (docs/redis-cli.md).
--
-- keys: of redswarm_swarm, _peers and _torrents: torrents:{09a}, the shard's index (all that is read is in its slot);
--       of redswarm_stats: `stats` or `instances`. The prefix of all keys is taken from it
-- args: redswarm_swarm     an info hash, 40 hex digits
--       redswarm_peers     an info hash; how many peers; how many to pass over. The last two may be left out
--       redswarm_torrents  how many torrents; how many to pass over. Both may be left out
-- reply: lines of text, each a status; an error that says what to type instead
--
-- What others have written must not make it fail: each key is read by `ask`, which tells of what is wrong.
-- include: people_text people_usage people_reading people_peers people_swarm people_torrents people_stats
-- Peers that are shown with a swarm, and what one call shows at most: 12 us a peer, 6 us a torrent.
local FIRST_PEERS = 10
local PEER_LIMITS = { usual = 50, most = 500 }
local TORRENT_LIMITS = { usual = 50, most = 500 }

local function timeNow() return tonumber(redis.call('TIME')[1]) end

-- How many more there are, and what shows them.
local function addMore(lines, left, name, key, rest)
  if left <= 0 then return end
  lines[#lines + 1] = ''
  lines[#lines + 1] = numberText(left) .. ' more: FCALL_RO ' .. name .. " 1 '" .. key .. "' " .. rest
end

local function addMorePeers(lines, left, index, infoHash, limit, offset)
  addMore(lines, left, 'redswarm_peers', index, infoHash .. ' ' .. limit .. ' ' .. offset)
end

local function showSwarm(keys, args)
  local infoHash, problem = infoHashOf('redswarm_swarm', keys, args)
  if problem then return nil, problem end
  if args[2] then
    return nil, typeInstead('it takes an info hash and nothing else', 'redswarm_swarm', keys[1], ' ' .. infoHash)
  end
  local key, now, lines, wrong = swarmKeyOf(keys[1], infoHash), timeNow(), {}, {}
  local head, fields = readSwarm(lines, wrong, key)
  local facts = { { 'swarm', infoHash } }
  if head then addCounts(facts, wrong, key, head, fields, now) end
  addDue(facts, wrong, keys[1], infoHash, head, now)
  if head then addStored(facts, key, head) end
  facts[#facts + 1] = { 'listed', listedText(wrong, keys[1], infoHash) }
  addTable(lines, facts, {})
  if not head then return lines, wrong end
  local rows = peerRows(wrong, key, head, 0, FIRST_PEERS, now)
  checkSwarm(wrong, key, fields, #rows, FIRST_PEERS)
  if #rows > 0 then
    lines[#lines + 1] = ''
    addPeerTable(lines, rows)
  end
  addMorePeers(lines, peersOf(head) - #rows, keys[1], infoHash, PEER_LIMITS.usual, FIRST_PEERS)
  return lines, wrong
end

local function showPeers(keys, args)
  local infoHash, problem = infoHashOf('redswarm_peers', keys, args)
  if problem then return nil, problem end
  local limit, offset, pageProblem = pageOf('redswarm_peers', keys, args, 2, PEER_LIMITS, ' ' .. infoHash)
  if pageProblem then return nil, pageProblem end
  local key, lines, wrong = swarmKeyOf(keys[1], infoHash), {}, {}
  local head = readSwarm(lines, wrong, key)
  if not head then return lines, wrong end
  local rows, isCut = peerRows(wrong, key, head, offset, limit, timeNow())
  if #rows > 0 then addPeerTable(lines, rows) end
  if isCut then
    lines[#lines + 1] = 'more peers than one call looks at are passed over: the API has all (docs/api-v2.md)'
  elseif #rows == 0 then
    lines[#lines + 1] = 'no peers after the first ' .. numberText(offset) .. ': the swarm has ' .. numberText(peersOf(head))
  elseif #rows == limit then
    addMorePeers(lines, peersOf(head) - offset - limit, keys[1], infoHash, limit, offset + limit)
  end
  return lines, wrong
end

local function showTorrents(keys, args)
  local name = 'redswarm_torrents'
  local prefix, shard = shardOfKey(keys[1])
  if #keys ~= 1 or not shard then
    local problem = 'the key must be that of a shard, the first three hex digits of its info hashes in braces'
    return nil, typeInstead(problem, name, 'torrents:{09a}', '')
  end
  local limit, offset, problem = pageOf(name, keys, args, 1, TORRENT_LIMITS, '')
  if problem then return nil, problem end
  local wrong, now = {}, timeNow()
  local found = ask(wrong, 'zset', 'ZRANGE', keys[1], offset, offset + limit - 1, 'WITHSCORES') or {}
  local lines = { totalsText(wrong, prefix .. 'totals:{' .. shard .. '}') }
  local rows = { { 'info hash, the first due to be swept first', 'seeders', 'leechers', 'completed', 'due' } }
  for i = 1, #found, 2 do rows[#rows + 1] = torrentRow(wrong, swarmKeyOf(keys[1], found[i]), found[i], found[i + 1], now) end
  if #found > 0 then
    lines[#lines + 1] = ''
    addTable(lines, rows, { false, true, true, true, true })
  end
  local left = (ask(wrong, 'zset', 'ZCARD', keys[1]) or 0) - offset - limit
  addMore(lines, left, name, keys[1], limit .. ' ' .. offset + limit)
  return lines, wrong
end

local function showStats(keys, args)
  local prefix, name = string.match(keys[1] or '', '^([^{}]*)(stats)$')
  if not name then prefix, name = string.match(keys[1] or '', '^([^{}]*)(instances)$') end
  if #keys ~= 1 or not name or args[1] then
    local problem = 'it takes one key, `stats` for what was counted or `instances` for the processes, and nothing else'
    return nil, typeInstead(problem, 'redswarm_stats', (prefix or '') .. (name or 'stats'), '')
  end
  local lines, wrong = {}, {}
  if name == 'instances' then
    addProcesses(lines, wrong, keys[1], timeNow())
  else
    addCounters(lines, wrong, keys[1])
    lines[#lines + 1] = ''
    lines[#lines + 1] = "the processes: FCALL_RO redswarm_stats 1 '" .. prefix .. "instances'"
  end
  return lines, wrong
end

-- What a function shows, as a reply. An error of Lua's own would be of no use to whoever typed.
local function answering(show)
  return function(keys, args)
    local ran, lines, problem = pcall(show, keys, args)
    if not ran then return replyOf({ 'this cannot be shown: ' .. damageText(lines, keys[1] or '', {}) }) end
    if not lines then return problem end
    addWrong(lines, problem)
    return replyOf(lines)
  end
end

return {
  redswarm_swarm = answering(showSwarm),
  redswarm_peers = answering(showPeers),
  redswarm_torrents = answering(showTorrents),
  redswarm_stats = answering(showStats),
}
