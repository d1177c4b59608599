import { type Mutant, mutantsOf } from '../mutant.ts'

/** Faults in the script of an announce. */
export const announceScriptMutants: readonly Mutant[] = [
  ...mutantsOf(
    'lib/store/lua/announce.lua',
    ['store/announce', 'store/chunks', 'store/model', 'store/damage'],
    [
      ['a seeder is a leecher', 'local list = flags % 4\n', 'local list = flags % 4 - flags % 2\n'],
      [
        'a new swarm’s first seeder is counted as a leecher',
        "struct.pack('>I4I4I4', 1 - seeders, seeders, 0)",
        "struct.pack('>I4I4I4', seeders, 1 - seeders, 0)",
      ],
      [
        'a new torrent is not counted',
        "addToTotals(totalsOf(key), 'torrents', 1, roleName(list), 1)",
        'addToTotals(totalsOf(key), roleName(list), 1)',
      ],
      [
        'a new swarm is not in the index',
        '    endpoint, value, FIRST_FIELDS[list], endpoint)\n  putInIndex(key)\n',
        '    endpoint, value, FIRST_FIELDS[list], endpoint)\n',
      ],
      ['a new peer’s due time is put off', "indexOf(key), 'LT', now", 'indexOf(key), now'],
      ['a swarm that fills again has no due time', '  if wasEmpty then putInIndex(key) end\n', ''],
      [
        'a peer that changes roles stays in its old one',
        '  if otherField then head = withdraw(key, head, other, otherField, otherRest, endpoint) end\n',
        '',
      ],
      [
        'a peer that changes roles is still counted in its old one',
        'or otherField and -1 or 0\n  local leechersMore',
        'or 0\n  local leechersMore',
      ],
      [
        'a peer that changes roles is still in the totals of its old one',
        'roleName(list), 1, otherField and roleName(other), -1)',
        'roleName(list), 1)',
      ],
      [
        'a small swarm grows one peer late',
        'leechers + seeders > SMALL_PEERS_MAX or',
        'leechers + seeders > SMALL_PEERS_MAX + 1 or',
      ],
      ['pieces of a small swarm may be long', ' or #piece > SMALL_PIECE_BYTES_MAX)', ')'],
      ['a chunk is split one peer late', '#piece > CHUNK_PEERS_MAX * width', '#piece > (CHUNK_PEERS_MAX + 1) * width'],
      ['no chunk is split', 'return splits and splitChunk(key, head, list) or head', 'return head'],
      [
        'a peer that announces again is not written',
        "    call('HSET', key, endpoint, value)\n    return head\n",
        '    return head\n',
      ],
      [
        'a completed download is counted each time',
        "if call('ZADD', key .. ':done', 'NX', now, endpoint) == 0 then return head end",
        "call('ZADD', key .. ':done', 'NX', now, endpoint)",
      ],
      ['a completed download is counted twice', 'seeders, completed + 1)\n', 'seeders, completed + 2)\n'],
      ['a completed download is not in the totals', "  addToTotals(totalsOf(key), 'completed', 1)\n", ''],
      ['a leecher completes too', 'event == COMPLETED and list % 2 == 1', 'event == COMPLETED'],
      ['a peer that stops stays', '  if event == STOPPED then\n    head', '  if event == 7 then\n    head'],
      [
        'a peer that stops is looked for in its own role only',
        '    field, rest = standing(key, head, was, own, endpoint)\n',
        '',
      ],
      [
        'a peer that stops is still counted',
        'changedCounts(key, head, was % 2 - 1, -(was % 2))',
        'changedCounts(key, head, 0, 0)',
      ],
      [
        'a peer that stops is still in the totals',
        "addToTotals(totalsOf(key), roleName(was), -1, isLast and 'torrents', -1)",
        "addToTotals(totalsOf(key), roleName(was), 0, isLast and 'torrents', -1)",
      ],
      ['a peer that stops leaves its value', "  if own then call('HDEL', key, endpoint) end\n", ''],
      [
        'a swarm that is left by its last peer forgets what was completed',
        'leechers + seeders + completed == 0',
        'leechers + seeders == 0',
      ],
      [
        'a swarm that is left by its last peer stays in the index',
        "    call('ZREM', indexOf(key), sub(key, -40))\n",
        '',
      ],
      [
        'an emptied large swarm stays large',
        '  if leechers + seeders == 0 and not isSmall(head) then\n',
        '  if false then\n',
      ],
      ['a cursor of the sweep outlives the swarm’s peers', "    call('HDEL', key, 'sweep')\n", ''],
      [
        'too few peers in a chunk are left so',
        'return leavesTooFew(key, head, list, rest, #endpoint) and mergeChunks(key, head, list) or head',
        'return head',
      ],
      [
        'a torrent that is not listed is served',
        "== 0 then\n    return nil, nil, 'unlisted'",
        "== 7 then\n    return nil, nil, 'unlisted'",
      ],
      [
        'the asker is told of itself with its peer id',
        'local value = peer ~= endpoint and valueOf',
        'local value = valueOf',
      ],
      ['one peer id too many', 'if #found == numwant then break end', 'if #found > numwant then break end'],
      ['a peer id is told one byte late', 'sub(value, 6, 25)', 'sub(value, 7, 26)'],
      ['a damaged swarm takes its batch with it', 'pcall(announce, key, at)', 'true, announce(key, at)'],
      [
        'a record’s passkey is read as the next record',
        '  if flags >= 32 then at = at + 1 + byte(records, at) end\n',
        '',
      ],
      [
        'a peer of a damaged swarm is not taken back',
        "  call('HDEL', chunk, endpoint)\n  error(result, 0)",
        '  error(result, 0)',
      ],
      [
        'a swarm of a wrong head is served',
        '  if head and #head ~= HEAD_BYTES then fault(',
        '  if head and #head < 12 then fault(',
      ],
      [
        'the account is credited from nothing for a peer that is new',
        'before = head and (own or valueOf(key, head, list, endpoint))',
        "before = head and (own or valueOf(key, head, list, endpoint)) or string.rep('\\0', 50)",
      ],
    ],
  ),
]
