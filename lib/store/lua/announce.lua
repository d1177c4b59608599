#!lua flags=allow-cross-slot-keys
-- Applies announces in the order given and answers each with its swarm's head and with peers.
--
-- keys: none declared (a batch reaches every slot of its node)
-- args: prefix      of all keys
--       lifetimeS   of a peer
--       reportBytes 45 where details of peers are kept, 0 where not
--       listed      '1' where only whitelisted torrents are served
--       seed        of this call's chance: Redis starts math.random alike for every script
--       nowS        seconds since the epoch; empty: Redis's own clock
--       records     one after another:
--         key       of the swarm, as text: <prefix>swarm:{09a}:<40 hex>
--         list      1 byte: 1 seeder, 2 IPv6
--         numwant   1 byte
--         large     1 byte: 1 where the swarm is believed to be large, and what comes next true
--         special   1 byte: 0 as most are; 1 a seeder's `completed`, 2 `stopped`, 4 peer ids are asked for, 8 a passkey; 16, 32 it
--                   may not make a swarm: the tracker has as many as it takes, or its address has made as many
--         from      7 bytes: the field of a piece of the other role's, to answer from: <l|s><4|6>:<4 hex>
--         own       7 bytes: the field of the chunk that the peer is in
--         chunks    12 bytes: what `own` was chosen by, the last 12 bytes of the head as the frontend saw it last
--         report    peer id 20, downloaded 8, left 8, uploaded 8, event 1
--         endpoint  6 bytes, or 18 of IPv6
--         passkey   where special says so, 1 byte of length and as many of text
--       eventsMax   how many events are kept, about; 0: none is written
--       isCluster   '1' where slots can move: then what touches more than one key looks first whether its shard does
--       peersMax    of one swarm: nobody is let in who would be more
-- reply: two elements per record: the head (24 bytes) and endpoints in wire form (each followed by its peer id where
--        asked for), nil in their place where the announce made the swarm; or nil and why the announce was refused: `unlisted`;
--        `torrents`, `address_torrents`, where it may not make a swarm and there is none; `swarm_peers`, where the swarm has
--        as many as it may; `moving`, where its slot is not here, or not whole, and nothing was done; `down`, where its Cluster
--        is not whole, and nothing was done; or `damaged` and what is wrong with which key.
--        The endpoints are all there are, or at least numwant. The asker may be among them: the frontend takes it out
--        and cuts a random window, since every string made here is hashed byte by byte (1.5 ns each).
--
-- An announce of a peer that is known already is what nearly all of a tracker's work is: it costs two calls, HMGET and
-- HSET, and what it does not need is left to functions that it does not call.
--
-- Nothing may fail after the first write of an announce, since nothing that a script wrote is taken back: peers are
-- chosen first, and all that a change of counts touches is looked at before.
-- include: swarm_head chunk_field choose_peers credit_account damage shard_place
local call, sub, byte = redis.call, string.sub, string.byte
-- What a call is about. The functions here are made once, and this is given them anew with each call.
local prefix, lifetimeS, reportBytes, listed, eventsMax, isCluster, peersMax, now
-- The records, their bytes, the bytes of a key, what a record is up to its endpoint, and what a peer's value begins with.
local records, size, keyBytes, format, valueHeads
-- The replies so far, the swarm of the announce under way, and where the record of the next one begins.
local replies, current, nextAt
-- What the last client with a passkey told of is under this key.
local lastMoved

local COMPLETED, STOPPED, PEER_IDS, PASSKEY, NO_TORRENTS, NO_ADDRESS_TORRENTS = 1, 2, 4, 8, 16, 32

-- include: announce_names announce_standing announce_enter announce_leave announce_complete announce_peers
local function has(special, what) return special % (2 * what) >= what end

-- The passkey whose length is told at a place in the records, and where it ends.
local function passkeyAt(place)
  local last = place + byte(records, place)
  return sub(records, place + 1, last), last
end

-- The account of a passkey, checked; the key that remembers what its client told of last; and what that was.
local function accountOf(key, passkey, report)
  local shard = shardOf(key)
  local account = prefix .. 'accounts:' .. shard
  checkAccount(account, passkey)
  lastMoved = prefix .. 'moved:' .. shard .. ':' .. sub(key, -40) .. ':' .. passkey .. ':' .. sub(report, 1, 20)
  return account, lastMoved, call('GET', lastMoved)
end

local function isListed(key) return call('SISMEMBER', prefix .. 'whitelist:' .. shardOf(key), sub(key, -40)) == 1 end

-- What is special without what keeps an announce from making a swarm, and what that is.
local function takeBar(special)
  if special >= NO_ADDRESS_TORRENTS then return special % NO_TORRENTS, 'address_torrents' end
  return special - NO_TORRENTS, 'torrents'
end

local EMPTY_HEAD = string.rep('\0', HEAD_BYTES)

-- Applies announces until all are, or one meets damage. A long function, and locals for what it uses of outside: here each
-- step of Lua's is 0.1 % of an announce, each call of a function 1 %.
local function announceRest()
  local records, call, sub, unpackBytes, format, valueHeads = records, call, sub, unpackBytes, format, valueHeads
  local replies, size, reportBytes = replies, size, reportBytes
  local at, filled = nextAt, #replies
  while at < size do
    local key, list, numwant, large, special, from, own, chunks, report, endpointAt = unpackBytes(format, records, at)
    if reportBytes == 0 then report, endpointAt = '', report end
    local width, passkey, head, peers, bar = list >= 2 and 18 or 6, nil, nil, nil, nil
    at = endpointAt + width
    if special >= PASSKEY then
      if special >= NO_TORRENTS then special, bar = takeBar(special) end
      if special >= PASSKEY then
        passkey, at = passkeyAt(at)
        at = at + 1
      end
    end
    current, nextAt = key, at
    if listed and not isListed(key) then
      head, peers = false, 'unlisted'
    else
      local endpoint = sub(records, endpointAt, endpointAt + width - 1)
      -- Of a small swarm, the piece of the own list is wanted, too: it tells whether the peer is known.
      local fields = large == 1 and call('HMGET', key, 'head', from) or call('HMGET', key, 'head', from, own)
      head, peers = fields[1], ''
      if head and #head ~= HEAD_BYTES then fault(key, 'has a head of ' .. #head .. ' bytes, not ' .. HEAD_BYTES) end
      -- Whether the chunks are as the frontend says; else, whether there are any.
      local isAsKnown = head and large == 1 and sub(head, 13) == chunks
      local isInSmall = head and not isAsKnown and isSmall(head)
      if head and numwant > 0 then
        peers = fields[2]
        if isInSmall and numwant >= SMALL_PEERS_MAX then
          peers = allOfSmall(key, list, width, smallPieces(key, list, fields))
        elseif not isAsKnown or not peers or #peers <= numwant * width or #peers % width > 0 then
          peers = choosePeers(key, head, list, width, numwant, large == 1 and from, peers, fields[3])
        end
      end
      local account, moved, before
      if special > 0 then
        checkPlace(key)
        if has(special, PEER_IDS) then peers = withPeerIds(key, head, list, endpoint, numwant, peers) end
        if passkey and reportBytes > 0 then account, moved, before = accountOf(key, passkey, report) end
        if has(special, COMPLETED) then checkCompletion(key) end
      end

      if isInSmall then own = nil elseif head and not isAsKnown then own = fieldOf(head, list, endpoint) end
      if special > 0 and has(special, STOPPED) then
        head, peers = head and leave(key, head, list, endpoint, own, fields) or EMPTY_HEAD, ''
      elseif not head then
        -- Of a swarm that was made just now there are no peers to tell.
        head, peers = not bar and create(key, list, endpoint, valueHeads[list] .. report), bar or false
      elseif own then
        head = joinChunk(key, head, list, own, endpoint, valueHeads[list] .. report)
      else
        head = joinSmall(key, head, list, endpoint, valueHeads[list] .. report, smallPieces(key, list, fields))
      end
      if special > 0 and head then
        if has(special, COMPLETED) then head = complete(key, head, endpoint) end
        if account then creditAccount(account, passkey, moved, before, report, lifetimeS) end
      end
    end
    replies[filled + 1] = head
    filled = filled + 2
    replies[filled] = peers
  end
end

-- What may be of a wrong type, where Redis says that something is.
local function typesOf(key)
  local shard = shardOf(key)
  local types = {
    [key] = 'hash', [key .. ':done'] = 'zset', [lastChunk or key] = 'hash', [prefix .. 'accounts:' .. shard] = 'hash',
    [totalsOf(key)] = 'hash', [indexOf(key)] = 'zset', [prefix .. 'whitelist:' .. shard] = 'set',
  }
  if lastMoved then types[lastMoved] = 'string' end
  return types
end

-- What begins the values of peers: the role, and the time.
local function valueHeadsOf(now)
  local leecher, seeder = struct.pack('>BI4', 0, now), struct.pack('>BI4', 1, now)
  return { [0] = leecher, seeder, leecher, seeder }
end

return function(KEYS, ARGV)
  prefix, lifetimeS, reportBytes, listed = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == '1'
  math.randomseed(tonumber(ARGV[5]))
  now = tonumber(ARGV[6]) or tonumber(call('TIME')[1])
  records, eventsMax, isCluster = ARGV[7], tonumber(ARGV[8]) or 0, ARGV[9] == '1'
  peersMax = tonumber(ARGV[10]) or math.huge
  size, keyBytes, valueHeads = #records, #prefix + 52, valueHeadsOf(now)
  -- 'c0' would not be a text of no bytes.
  format = 'c' .. keyBytes .. 'BBBBc7c7c12' .. (reportBytes > 0 and 'c' .. reportBytes or '')
  replies, current, nextAt, lastChunk, lastMoved = {}, nil, 1, nil, nil
  while nextAt < size do
    local from = nextAt
    -- A damaged swarm must not take the rest of the batch with it.
    local ran, problem = pcall(announceRest)
    if not ran then
      if nextAt == from then error(problem, 0) end -- no record
      local filled = #replies
      replies[filled + 1] = false
      replies[filled + 2] = isFull(problem) and 'swarm_peers' or isMoving(problem) and 'moving' or isDown(problem) and 'down'
        or 'damaged ' .. damageText(problem, current, typesOf(current))
    end
  end
  return replies
end
