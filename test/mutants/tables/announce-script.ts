import { type Mutant, mutantsOf } from '../mutant.ts'

const SUITES = [
  'store/announce',
  'store/calls',
  'store/damage',
  'store/scripts',
  'store/remembered-chunks',
  'store/model',
]

/** Faults in the script of an announce; those of peers that come and go are in a table of their own. */
export const announceScriptMutants: readonly Mutant[] = [
  ...mutantsOf('lib/store/lua/announce.lua', SUITES, [
    ['a torrent that is not listed is served', 'sub(key, -40)) == 1 end', 'sub(key, -40)) ~= 7 end'],
    ['the whitelist is looked at for all', 'if listed and not isListed(key) then', 'if not isListed(key) then'],
    [
      'a damaged swarm takes its batch with it',
      'local ran, problem = pcall(announceRest)',
      'local ran, problem = true, announceRest()',
    ],
    [
      'a record that is none is tried for ever',
      '      if nextAt == from then error(problem, 0) end -- no record\n',
      '',
    ],
    ['after a damaged swarm its announce comes again', '    current, nextAt = key, at\n', '    current = key\n'],
    [
      'a damaged announce is not answered',
      "        or 'damaged ' .. damageText(problem, current, typesOf(current))\n",
      "        or ''\n",
    ],
    [
      'a record’s passkey is read as the next record',
      '        passkey, at = passkeyAt(at)\n        at = at + 1\n',
      '        passkey = passkeyAt(at)\n',
    ],
    [
      'a passkey is told with the byte before it',
      'sub(records, place + 1, last), last',
      'sub(records, place, last), last',
    ],
    [
      'a swarm of a wrong head is served',
      '      if head and #head ~= HEAD_BYTES then fault(',
      '      if head and #head < 12 then fault(',
    ],
    ['what the frontend remembers is believed unseen', 'large == 1 and sub(head, 13) == chunks', 'large == 1'],
    [
      'what the frontend remembers is held against chunk counts only',
      'large == 1 and sub(head, 13) == chunks',
      'large == 1 and sub(head, 13, 20) == sub(chunks, 1, 8)',
    ],
    [
      'a swarm that is not as remembered is taken for a small one',
      'head and not isAsKnown and isSmall(head)',
      'head and not isAsKnown',
    ],
    [
      'a small swarm that was large is taken for large',
      'local isInSmall = head and not isAsKnown and isSmall(head)',
      'local isInSmall = head and large == 0 and isSmall(head)',
    ],
    [
      'peers are told of a piece that nobody looked at',
      'elseif not isAsKnown or not peers or #peers <= numwant * width or #peers % width > 0 then',
      'elseif not isAsKnown then',
    ],
    ['a piece that is too short is all that is told', ' or #peers <= numwant * width or', ' or'],
    ['a piece without one more for the asker is enough', '#peers <= numwant * width or', '#peers < numwant * width or'],
    ['a cut piece is told', '#peers <= numwant * width or #peers % width > 0 then', '#peers <= numwant * width then'],
    [
      'the piece remembered is told of a swarm that is another',
      'elseif not isAsKnown or not peers or',
      'elseif not peers or',
    ],
    [
      'all of a small swarm is told whatever is wanted',
      'if isInSmall and numwant >= SMALL_PEERS_MAX then',
      'if isInSmall then',
    ],
    [
      'the piece of the other role’s is passed on as the first',
      'numwant, large == 1 and from, peers, fields[3])',
      'numwant, false, peers, fields[3])',
    ],
    [
      'the first piece is passed on as any',
      'numwant, large == 1 and from, peers, fields[3])',
      'numwant, from, peers, fields[3])',
    ],
    [
      'a peer goes into the chunk that was remembered',
      'if isInSmall then own = nil elseif head and not isAsKnown then own = fieldOf(head, list, endpoint) end',
      'if isInSmall then own = nil end',
    ],
    [
      'a peer of a large swarm is written into its hash',
      'if isInSmall then own = nil elseif head and not isAsKnown',
      'if not isAsKnown then own = nil elseif head and not isAsKnown',
    ],
    ['peer ids are never told', 'if has(special, PEER_IDS) then peers', 'if false then peers'],
    [
      'what is special is read one bit off',
      'return special % (2 * what) >= what',
      'return special % (4 * what) >= 2 * what',
    ],
    [
      'a seeder’s completed download is not counted',
      'if has(special, COMPLETED) then head = complete',
      'if false then head = complete',
    ],
    [
      'a completed download is not looked at before it is counted',
      '        if has(special, COMPLETED) then checkCompletion(key) end\n',
      '',
    ],
    ['a peer that stops stays', 'if special > 0 and has(special, STOPPED) then', 'if false then'],
    [
      'a swarm that nobody knows is made by one that stops',
      'head and leave(key, head, list, endpoint, own, fields) or EMPTY_HEAD',
      'leave(key, head or create(key, list, endpoint, valueHeads[list] .. report), list, endpoint, own, fields) or EMPTY_HEAD',
    ],
    ['the account is not looked at before it is added to', '  checkAccount(account, passkey)\n', ''],
    [
      'the account is credited from nothing for a peer that is new',
      "return account, lastMoved, call('GET', lastMoved)",
      "return account, lastMoved, call('GET', lastMoved) or string.rep('\\0', 16)",
    ],
    ['a client is credited from what another told of', " .. ':' .. sub(report, 1, 20)\n", '\n'],
    ['nothing is credited', 'if account then creditAccount', 'if false then creditAccount'],
    ['an account grows without details too', 'if passkey and reportBytes > 0 then account', 'if passkey then account'],
    [
      'IPv6 seeders are kept as leechers',
      '[0] = leecher, seeder, leecher, seeder',
      '[0] = leecher, seeder, leecher, leecher',
    ],
  ]),
  ...mutantsOf('lib/store/lua/include/announce_names.lua', SUITES, [
    ['a peer’s due time is put off', "indexOf(key), 'LT', due", 'indexOf(key), due'],
    ['the totals of another shard are changed', "prefix .. 'totals:' .. shardOf(key)", "prefix .. 'totals:{000}'"],
  ]),
  ...mutantsOf(
    'lib/store/lua/include/announce_complete.lua',
    ['store/announce', 'store/model', 'store/damage', 'store/events'],
    [
      [
        'a completed download is counted each time',
        "if call('ZADD', key .. ':done', 'NX', now, endpoint) == 0 then return head end",
        "call('ZADD', key .. ':done', 'NX', now, endpoint)",
      ],
      ['a completed download is counted twice', 'seeders, completed + 1)\n', 'seeders, completed + 2)\n'],
      ['a completed download is not in the text', ", 'completed', completed + 1)\n", ')\n'],
      ['a completed download is not in the totals', "  addToTotals(totalsOf(key), 'completed', '1')\n", ''],
      ['totals are not looked at before a completed download is counted', '  checkTotals(totalsOf(key))\n', ''],
      ['what is remembered of completed downloads is not looked at before', "  call('ZCARD', key .. ':done')\n", ''],
      ['no event tells of a completed download', "  tellEvent(prefix, eventsMax, 'completed', key)\n", ''],
    ],
  ),
  ...mutantsOf('lib/store/lua/include/announce_peers.lua', SUITES, [
    [
      'a seeder of a small swarm is told of seeders',
      'if list % 2 == 1 or not ownPiece then return others end',
      'if not ownPiece then return others end',
    ],
    ['a leecher of a small swarm is told of seeders only', 'return others .. ownPiece', 'return others'],
    [
      'a cut piece of a small swarm is told',
      "  if #others % width > 0 or ownPiece and #ownPiece % width > 0 then fault(key, 'has a cut piece') end\n",
      '',
    ],
    [
      'the asker is told of itself with its peer id',
      'local value = peer ~= endpoint and valueOf',
      'local value = valueOf',
    ],
    ['one peer id too many', 'if #found == numwant then break end', 'if #found > numwant then break end'],
    ['a peer id is told one byte late', 'sub(value, 6, 25)', 'sub(value, 7, 26)'],
  ]),
  ...mutantsOf('lib/store/lua/include/announce_standing.lua', SUITES, [
    [
      'a cut piece is searched',
      '  if not piece or #piece % #endpoint > 0 then return nil end\n',
      '  if not piece then return nil end\n',
    ],
    [
      'a peer that is in no piece of a large swarm is passed over',
      "  if not rest then fault(key, 'holds a peer that is not in its piece ' .. field) end\n",
      '  if not rest then return end\n',
    ],
    ['a chunk is given back while a sweep is halfway', " and call('HEXISTS', key, 'sweep') == 0\n", '\n'],
    ['the last chunk is given back', 'chunksOf(head, list) > 1 and', 'chunksOf(head, list) > 0 and'],
    [
      'counts fall below nothing',
      "  if leechers < 0 or seeders < 0 then fault(key, 'counts fewer peers than it holds') end\n",
      '',
    ],
    ['the pieces of a small swarm change places', 'return fields[3], fields[2] end', 'return fields[2], fields[3] end'],
    [
      'of a small swarm that was large, the piece that was read is taken for the first',
      'if fields[3] ~= nil then return',
      'if true then return',
    ],
  ]),
]
