import { type Mutant, mutantsOf } from '../mutant.ts'

const SUITES = [
  'store/announce',
  'store/calls',
  'store/damage',
  'store/chunks',
  'store/events',
  'store/remembered-chunks',
  'store/model',
]

/** Faults in what the script of an announce does of peers that come, change roles, and go. */
export const announcePeerMutants: readonly Mutant[] = [
  ...mutantsOf('lib/store/lua/include/announce_enter.lua', SUITES, [
    [
      'a new swarm’s first seeder is counted as a leecher',
      "struct.pack('>I4I4I4', 1 - seeders, seeders, 0)",
      "struct.pack('>I4I4I4', seeders, 1 - seeders, 0)",
    ],
    [
      'a new torrent is not counted',
      "addToTotals(totalsOf(key), 'torrents', '1', roleName(list), '1')",
      "addToTotals(totalsOf(key), roleName(list), '1')",
    ],
    [
      'a new swarm is not in the index',
      '    FIRST_FIELDS[list], endpoint)\n  putInIndex(key)\n',
      '    FIRST_FIELDS[list], endpoint)\n',
    ],
    [
      'a new swarm takes the place of what is there',
      "  if call('EXISTS', key) == 1 then fault(key, 'has no head') end\n",
      '',
    ],
    [
      'the index is not looked at before a swarm is made',
      "  call('ZCARD', indexOf(key)) -- fails where it cannot be written to\n",
      '',
    ],
    ['no event tells of a new torrent', "  tellEvent(prefix, eventsMax, 'added', key)\n", ''],
    ['all swarms have one salt', 'math.random(2, CHUNK_HASH_PRIME - 1)', '2'],
    ['a swarm that fills again has no due time', '  if wasEmpty then putInIndex(key, isToBeRemoved) end\n', ''],
    [
      'the index is not looked at before a swarm fills again',
      'wasEmpty and isRemovalTime(',
      'false and isRemovalTime(',
    ],
    ['a peer that changes roles stays in its old one’s piece', '    writePiece(key, otherField, otherRest)\n', ''],
    [
      'a peer that changes roles stays in its old one’s chunk',
      "    if not isInSmall then call('HDEL', chunkKey(key, otherField), endpoint) end\n",
      '',
    ],
    [
      'the text of the old role’s count stays',
      "    call('HSET', key, roleName(other), other % 2 == 1 and seeders or leechers)\n",
      '',
    ],
    [
      'a peer that changes roles is still counted in its old one',
      'or otherField and -1 or 0\n  local leechersMore',
      'or 0\n  local leechersMore',
    ],
    [
      'a peer that changes roles is still in the totals of its old one',
      "roleName(list), '1', otherField and roleName(other), '-1')",
      "roleName(list), '1')",
    ],
    [
      'a peer that changes roles keeps its old value in a small swarm',
      "  if value then call('HSET', key, endpoint, value) end\n",
      '',
    ],
    [
      'a peer that changes roles leaves too few in its old chunk',
      '    if merges then head = mergeChunks(key, head, other) end\n',
      '',
    ],
    ['chunks are given back unseen', '  if merges then checkMerge(key, head, other, width) end\n', ''],
    ['a small swarm grows unseen', '  if grows then checkGrowth(key) end\n', ''],
    ['a chunk is split unseen', '  if splits then checkSplit(key, head, list, width) end\n', ''],
    ['a cut piece is made longer', "  if #piece % width ~= 0 then fault(key, 'has a cut piece ' .. field) end\n", ''],
    [
      'a small swarm grows one peer late',
      'leechers + seeders > SMALL_PEERS_MAX or',
      'leechers + seeders > SMALL_PEERS_MAX + 1 or',
    ],
    ['pieces of a small swarm may be long', ' or #piece > SMALL_PIECE_BYTES_MAX)', ')'],
    ['a chunk is split one peer late', '#piece > CHUNK_PEERS_MAX * width', '#piece > (CHUNK_PEERS_MAX + 1) * width'],
    [
      'a chunk is split though the others are nearly empty',
      '\n    and (list % 2 == 1 and seeders or leechers) >= CHUNK_PEERS_MIN * chunksOf(head, list)\n',
      '\n',
    ],
    ['no chunk is split', 'return splits and splitChunk(key, head, list) or head', 'return head'],
    [
      'a peer of a damaged swarm is not taken back',
      "  if ran then return result end\n  call('HDEL', hash, endpoint)\n",
      '  if ran then return result end\n',
    ],
    [
      'a peer whose other role is damaged is not taken back',
      "    call('HDEL', chunk, endpoint)\n    error(otherField, 0)",
      '    error(otherField, 0)',
    ],
    [
      'a small swarm’s peer that is in no hash is let in',
      "    call('HDEL', key, endpoint)\n    fault(key, 'does not hold a peer that is in its piece ' .. field)\n",
      '    return head\n',
    ],
    [
      'a small swarm’s peer that is in no hash is written nevertheless',
      "    call('HDEL', key, endpoint)\n    fault(key, 'does not hold",
      "    fault(key, 'does not hold",
    ],
    [
      'a small swarm’s peer is written over what is in no piece',
      "call('HSETNX', key, endpoint, value) == 0",
      "call('HSET', key, endpoint, value) == 7",
    ],
    [
      'a known peer of a small swarm is not written',
      "if call('HSET', key, endpoint, value) == 0 then return head end\n    call('HDEL'",
      "if call('HEXISTS', key, endpoint) == 1 then return head end\n    call('HDEL'",
    ],
    [
      'a known peer of a large swarm is not written',
      "if call('HSET', chunk, endpoint, value) == 0",
      "if call('HSETNX', chunk, endpoint, value) == 0",
    ],
    ['a peer of a small swarm is in both roles', '  if otherRest then return enter(', '  if false then return enter('],
    [
      'a peer of a large swarm is in both roles',
      "endpoint, field, call('HGET', key, field), otherField, otherRest)",
      "endpoint, field, call('HGET', key, field))",
    ],
  ]),
  ...mutantsOf('lib/store/lua/include/announce_leave.lua', SUITES, [
    [
      'a peer that stops is looked for in its own role only, in a small swarm',
      '  rest = withoutIn(otherPiece, endpoint)\n',
      '  rest = nil\n',
    ],
    [
      'a peer that stops and is in no piece is passed over',
      "  if call('HEXISTS', key, endpoint) == 1 then fault(key, 'holds a peer that is in no piece') end\n",
      '',
    ],
    [
      'a peer that stops is looked for in its own role only',
      'for _, was in ipairs({ list, otherRole(list) }) do',
      'for _, was in ipairs({ list }) do',
    ],
    [
      'a peer that stops is still counted',
      'changedCounts(key, head, was % 2 - 1, -(was % 2))',
      'changedCounts(key, head, 0, 0)',
    ],
    [
      'a peer that stops is still in the totals',
      "addToTotals(totals, role, '-1', isLast and 'torrents', '-1')",
      "addToTotals(totals, role, '0', isLast and 'torrents', '-1')",
    ],
    [
      'a torrent that is gone is still in the totals',
      "addToTotals(totals, role, '-1', isLast and 'torrents', '-1')",
      "addToTotals(totals, role, '-1')",
    ],
    [
      'the totals are less, though the peer was not there',
      "    addToTotals(totals, role, '1', isLast and 'torrents', '1')\n",
      '',
    ],
    [
      'the totals get a peer back, and not the torrent',
      "addToTotals(totals, role, '1', isLast and 'torrents', '1')",
      "addToTotals(totals, role, '1')",
    ],
    [
      'a peer that stops leaves its value',
      "redis.pcall('HDEL', hash, endpoint)",
      "redis.pcall('HEXISTS', hash, endpoint)",
    ],
    ['a piece that tells a peer that is gone is believed', '  if gone ~= 1 then\n', '  if false then\n'],
    [
      'a swarm that is left by its last peer forgets what was completed',
      'leechers + seeders + completed == 0',
      'leechers + seeders == 0',
    ],
    ['a swarm that is left by its last peer stays in the index', "    call('ZREM', indexOf(key), sub(key, -40))\n", ''],
    ['the index is not looked at before a swarm is gone', "  if isLast then call('ZCARD', indexOf(key)) end\n", ''],
    ['no event tells of a torrent that is gone', "    tellEvent(prefix, eventsMax, 'evicted', key)\n", ''],
    [
      'a peer that stops stays in its piece',
      "call('HSET', key, 'head', head, role, count, field, rest)",
      "call('HSET', key, 'head', head, role, count)",
    ],
    ['an empty piece stays', "if rest ~= '' and not merges then", 'if not merges then'],
    ['too few peers in a chunk are left so', "if rest ~= '' and not merges then", "if rest ~= '' then"],
    ['chunks are given back unseen by one that stops', '  if merges then checkMerge(key, head, was, width) end\n', ''],
    [
      'an emptied large swarm stays large',
      '  if leechers + seeders == 0 and not isInSmall then\n',
      '  if false then\n',
    ],
    ['a cursor of the sweep outlives the swarm’s peers', "    call('HDEL', key, 'sweep')\n", ''],
  ]),
]
