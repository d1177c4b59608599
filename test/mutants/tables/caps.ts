import { type Mutant, mutantsOf } from '../mutant.ts'

const STORE = ['store/caps', 'store/model']
const KEPT = ['store/kept-torrents', 'store/model']

/** Faults in what bounds torrents and their peers. */
export const capMutants: readonly Mutant[] = [
  ...mutantsOf('lib/store/lua/announce.lua', STORE, [
    ['no torrent is refused', 'not bar and create(', 'create('],
    ['a new torrent is not told', 'report), bar or false', "report), bar or ''"],
    [
      'what the bar is of is mixed up',
      "special % NO_TORRENTS, 'address_torrents'",
      "special % NO_TORRENTS, 'torrents'",
    ],
    ['a barred announce completes and is credited', 'if special > 0 and head then', 'if special > 0 then'],
    ['a swarm may have any number of peers', 'tonumber(ARGV[10]) or math.huge', 'math.huge'],
    ['a full swarm is called damaged', "isFull(problem) and 'swarm_peers' or ", ''],
  ]),
  ...mutantsOf('lib/store/lua/include/announce_enter.lua', STORE, [
    ['a swarm may have one more', 'leechers + seeders > peersMax', 'leechers + seeders > peersMax + 1'],
    ['who changes roles is refused by a full swarm', 'if not otherField and leechers', 'if leechers'],
  ]),
  ...mutantsOf('lib/store/lua/include/announce_names.lua', KEPT, [
    ['a torrent that fills again keeps its time', 'if isToBeRemoved then call', 'if false then call'],
  ]),
  ...mutantsOf('lib/store/lua/include/removal_time.lua', KEPT, [
    ['a time when a torrent is removed is like any other', 'now + keptS + 0.5', 'now + keptS'],
  ]),
  ...mutantsOf('lib/store/lua/sweep.lua', KEPT, [
    ['an empty torrent is removed at once', ' and isRemovalTime(wasDue)', ''],
    ['one that remembers who completed it is removed', ' and not remembers and', ' and'],
    ['completed downloads of a removed torrent are counted', "completed > 0 and 'completed', -completed)", 'false)'],
    ['what is kept for good gets no time', 'then return dateKept() end', 'then return 0 end'],
    ['of what was kept for good, only the first get a time', 'return #kept == DATED_BATCH and 1 or 0', 'return 0'],
  ]),
  ...mutantsOf(
    'lib/store/lua/import_swarms.lua',
    ['store/kept-torrents', 'store/move'],
    [['what an import remembers does not keep a torrent', '    putInIndex(key, isToBeRemoved)\n', '']],
  ),
  ...mutantsOf('lib/store/records.ts', STORE, [
    ['no bar is told', '(bar === undefined ? 0', '(bar !== undefined ? 0'],
    ['a record that is barred has a passkey', '& SPECIAL.passkey) !== 0', '>= SPECIAL.passkey)'],
  ]),
  ...mutantsOf(
    'lib/swarm/torrent-limits.ts',
    ['unit/torrent-limits'],
    [
      ['nobody is looked up', 'someUntilS = now + 1 / perS', 'someUntilS = 0'],
      ['all are looked up no more as soon as one is', 'if (now >= someUntilS) someUntilS = 0', 'someUntilS = 0'],
      ['an exempt address is counted', ' || isExempt(endpoint)', ''],
      ['a full tracker is not', "      if (isFull()) return 'torrents'\n", ''],
    ],
  ),
  ...mutantsOf(
    'lib/swarm/announce.ts',
    ['services/torrent-limits'],
    [
      ['new torrents are not counted', 'if (reply.isNewTorrent) torrentLimits', 'if (!reply) torrentLimits'],
      ['all torrents are counted', 'if (reply.isNewTorrent) torrentLimits', 'torrentLimits'],
    ],
  ),
  ...mutantsOf(
    'lib/store/torrent-count.ts',
    ['store/torrent-count'],
    [
      ['a tracker is full a torrent late', 'known >= max', 'known > max'],
      ['every frontend counts', 'if (told !== null && ', 'if (told === null && '],
      [
        'the count lasts for ever',
        "await redis.set(keys.counted, known, 'EX', lastsS())",
        'await redis.set(keys.counted, known)',
      ],
      ['what nobody can read counts', '/^\\d+$/.test(told)', 'told'],
    ],
  ),
]
