import { type Mutant, mutantsOf } from '../mutant.ts'

/** Faults in the script of a sweep, and in what it and that of an announce are made of. */
export const swarmScriptMutants: readonly Mutant[] = [
  ...mutantsOf(
    'lib/store/lua/sweep.lua',
    ['store/sweep-times', 'services/sweeper', 'store/model', 'store/damage'],
    [
      ['a peer is swept a second early', 'if announced <= cutoff then', 'if announced <= cutoff + 1 then'],
      ['a peer is swept a second late', 'if announced <= cutoff then', 'if announced < cutoff then'],
      ['swept peers are still counted', 'leechers, seeders = leechers - leechersLess, seeders - seedersLess\n', ''],
      [
        'swept peers are still in the totals',
        "'leechers', 0 - leechersLess, 'seeders', 0 - seedersLess",
        "'leechers', 0, 'seeders', 0",
      ],
      [
        'swept peers stay in their piece',
        '    if lost[list] > 0 then writePiece(key, fieldOf(list), table.concat(staying[list])) end\n',
        '',
      ],
      [
        'no due time is set after a sweep',
        "  if not wasSmall then due = math.max(due, now + LARGE_SWARM_RESTS_S) end\n  call('ZADD', index, due, infoHash)\n",
        "  call('ZADD', index, '+inf', infoHash)\n",
      ],
      [
        'a swarm is due a lifetime from now, whoever is to expire before',
        '  local due = earliest + lifetimeS\n  if not wasSmall',
        '  local due = now + lifetimeS\n  if not wasSmall',
      ],
      ['a large swarm is looked at again at once', 'due = math.max(due, now + LARGE_SWARM_RESTS_S)', 'due = due'],
      ['an empty swarm is not dropped', '  if completed == 0 or keptS', '  if keptS'],
      ['a swarm of completed downloads is dropped', 'if completed == 0 or keptS', 'if completed >= 0 or keptS'],
      [
        'a dropped torrent is still counted',
        "  addToTotals(totals, 'torrents', -1, completed > 0 and 'completed', -completed)\n",
        '',
      ],
      [
        'completed downloads are remembered for ever',
        '  return head, forgetDone(key, head) and earliest or AT_ONCE',
        '  return head, earliest',
      ],
      ['a completed download is forgotten though its peer is here', '    if not value then\n', '    if true then\n'],
      ['what a swarm takes is no part of the budget', 'looked = looked + LOOKS_PER_SWARM', 'looked = looked + 1'],
      ['a sweep has no budget', '    if looked >= budget then\n', '    if false then\n'],
      [
        'a sweep of a large swarm begins anew each time',
        "    list, number, counted, earliest = struct.unpack('>BI2I4I4', cursor)\n",
        '',
      ],
      ['a sweep that went on leaves its cursor', "  if cursor then call('HDEL', key, 'sweep') end\n", ''],
      [
        'chunks that are nearly empty are kept',
        'elseif chunks > 1 and counted < CHUNK_PEERS_MIN * chunks\n',
        'elseif false\n',
      ],
      [
        'what has filled up since is merged',
        'local MERGED_PEERS_MAX = 4 * CHUNK_PEERS_MIN',
        'local MERGED_PEERS_MAX = 1e9',
      ],
      ['a sweep that has more does not say so', '  return 1\nend', '  return 0\nend'],
      [
        'a damaged swarm is swept again and again',
        "      call('ZADD', index, now + lifetimeS, infoHash)\n      damaged",
        '      damaged',
      ],
    ],
  ),
  ...mutantsOf(
    'lib/store/lua/include/choose_peers.lua',
    ['store/announce', 'store/calls', 'store/damage', 'store/remembered-chunks', 'store/model'],
    [
      ['a seeder is told of seeders', 'if list % 2 == 1 or room <= 0 then', 'if room <= 0 then'],
      ['a leecher is told of seeders only', 'if list % 2 == 1 or room <= 0 then', 'if true then'],
      ['one peer too few where the asker finds itself', '(numwant + 1) * width', 'numwant * width'],
      [
        'a reply begins with the first chunk',
        'number = chunks > 1 and math.random(0, chunks - 1) or 0\n',
        'number = 0\n',
      ],
      [
        'a chunk that is there no longer is read',
        'if not number or number >= chunks and number > 0 then',
        'if not number then',
      ],
      ['the first piece of many is always told', 'or chunks <= 1 and 0 or nil\n', 'or 0\n'],
      [
        'the first piece of the own role’s is always told',
        'not guess and chunks <= 1 and 0 or nil, ownPiece',
        '0, ownPiece',
      ],
      ['a short piece that was guessed is all', 'and #otherPiece >= bytesWanted and', 'and'],
      ['a cut piece that was guessed is told', ' and #otherPiece % width == 0 then', ' then'],
      ['only one chunk is read', 'number = (number + 1) % chunks\n', 'break\n'],
      ['chunks are read past the last one', '(number + 1) % chunks', 'number + 1'],
      ['more peers are taken from the first one on', 'math.random(0, #more / width - 1) * width', '0'],
    ],
  ),
  ...mutantsOf(
    'lib/store/lua/include/chunk_of.lua',
    ['store/remembered-chunks', 'store/announce', 'store/model'],
    [
      ['the low bits of the port choose the chunk, in the script', '  hash = hash * hash % prime * hash % prime\n', ''],
      ['the port of an endpoint chooses no chunk', '% prime * salt + port)', '% prime * salt)'],
      ['the end of an IPv6 endpoint chooses no chunk', '    hash = (hash * salt + f) % prime\n', ''],
      [
        'a chunk that is not there yet is chosen',
        'if number >= chunks then return number - whole / 2 end',
        'if number > chunks then return number - whole / 2 end',
      ],
    ],
  ),
  ...mutantsOf(
    'lib/store/lua/include/split_chunk.lua',
    ['store/model', 'store/announce'],
    [
      [
        'endpoints that move stay in the old chunk too',
        "    redis.call('HDEL', chunkKey(key, from), unpack(leaving))\n",
        '',
      ],
      ['the old chunk’s piece keeps all', '    writePiece(key, from, table.concat(staying))\n', ''],
      ['a new chunk is not written into the head', '  head = headWithChunks(head, list, chunks + 1)\n', ''],
      [
        'the wrong chunk is split',
        'chunks - 2 ^ (exponent - 1)), chunkField(list, chunks)',
        'chunks - 1), chunkField(list, chunks)',
      ],
    ],
  ),
  ...mutantsOf(
    'lib/store/lua/include/merge_chunks.lua',
    ['store/model', 'store/announce'],
    [
      ['a chunk that was given back leaves its hash', "    redis.call('DEL', chunkKey(key, from))\n", ''],
      [
        'peers of a chunk that was given back are not told',
        "    writePiece(key, into, (redis.call('HGET', key, into) or '') .. redis.call('HGET', key, from))\n",
        '',
      ],
      [
        'a chunk is given back to the wrong one',
        'chunkField(list, last - 2 ^ (exponent - 1))',
        'chunkField(list, last - 1)',
      ],
      ['chunks are never given back', 'local CHUNK_PEERS_MIN = 14', 'local CHUNK_PEERS_MIN = 0'],
    ],
  ),
  ...mutantsOf(
    'lib/store/lua/include/grow_swarm.lua',
    ['store/model', 'store/announce'],
    [
      ['IPv6 peers grow into the IPv4 list', 'string.byte(value) + (#endpoint == 18 and 2 or 0)', 'string.byte(value)'],
      ['a swarm that grows leaves its peers in its hash', "  redis.call('HDEL', key, unpack(moved))\n", ''],
    ],
  ),
  ...mutantsOf(
    'lib/store/lua/include/piece_without.lua',
    ['store/pieces', 'store/model'],
    [
      [
        'bytes across two endpoints are taken for one',
        '  while at and (at - 1) % width ~= 0 do at = string.find(piece, endpoint, at + 1, true) end\n',
        '',
      ],
      ['the last endpoint goes with it', 'string.sub(piece, -width) .. ', ''],
    ],
  ),
  ...mutantsOf(
    'lib/store/lua/include/credit_account.lua',
    ['store/accounts', 'store/announce'],
    [
      [
        'what a client told of last is kept for good',
        "redis.call('SET', moved, amounts, 'EX', lifetimeS)",
        "redis.call('SET', moved, amounts)",
      ],
      [
        'an account falls when a client starts again',
        'if delta > 0 and delta <= CREDIT_BYTES_MAX',
        'if delta ~= 0 and delta <= CREDIT_BYTES_MAX',
      ],
      ['a lie of any size is credited', ' and delta <= CREDIT_BYTES_MAX', ''],
      [
        'upload and download change places',
        'up = up - upBefore, down = down - downBefore',
        'down = up - upBefore, up = down - downBefore',
      ],
    ],
  ),
  ...mutantsOf(
    'lib/store/lua/include/add_to_totals.lua',
    ['store/model', 'store/announce', 'store/damage'],
    [
      [
        'only the first of two totals is changed',
        "if type(answer) == 'number' and otherField then",
        "if type(answer) == 'number' and otherField == 7 then",
      ],
      [
        'half a change of the totals is left',
        "    if type(answer) ~= 'number' then redis.call('HINCRBY', totals, field, -by) end\n",
        '',
      ],
    ],
  ),
]
