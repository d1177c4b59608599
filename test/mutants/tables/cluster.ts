import { type Mutant, mutantsOf } from '../mutant.ts'

const TESTS = ['store/cluster']

/** Faults of what keeps swarms on the masters of a Cluster. */
export const clusterMutants: readonly Mutant[] = [
  ...mutantsOf('lib/store/lua/include/announce_enter.lua', TESTS, [
    ['a peer comes in though its shard is on the move', '  checkPlace(key)\n', ''],
  ]),
  ...mutantsOf('lib/store/lua/include/shard_place.lua', TESTS, [
    ['a shard on the move is taken for damage', "'non local key'", "'no such text'"],
  ]),
  ...mutantsOf('lib/store/lua/include/whole_shard.lua', TESTS, [
    ['a shard on the move is swept', "  error({ err = 'TRYAGAIN", "  if false then error({ err = 'TRYAGAIN"],
  ]),
  ...mutantsOf('lib/store/cluster-store.ts', TESTS, [
    [
      'what was moved is not sent again',
      'while (moved.length > 0 && performance.now()',
      'while (moved.length > 1e9 && performance.now()',
    ],
    ['what is sent again goes by the map of before', '      .then(nodes.refresh)\n', ''],
    ['replies are in the order of masters', 'replies[i] = some[k] as Reply', 'replies[k] = some[k] as Reply'],
  ]),
  ...mutantsOf('lib/store/at-masters.ts', TESTS, [
    ['what was moved is left out', '        if (reply === MOVED) continue\n', ''],
    ['all is asked of the first master', 'nodes.of(keyOf(items[i] as Item))', 'nodes.all()[0]'],
  ]),
  ...mutantsOf(
    'services/udp/datagram.ts',
    ['failover/failover'],
    [
      [
        'an answer waits for other masters',
        'return placeOf ? [...Map',
        'return placeOf && waiting.length > 1e9 ? [...Map',
      ],
    ],
  ),
  ...mutantsOf(
    'lib/store/cluster-store.ts',
    ['failover/failover'],
    [['where slots are is not asked while a master is away', '    void look()\n', '']],
  ),
  ...mutantsOf(
    'lib/store/node-store.ts',
    ['failover/failover'],
    [['what a former master refuses is refused', 'if (!isMovedReply(error)) throw error', 'throw error']],
  ),
  ...mutantsOf(
    'lib/store/away-masters.ts',
    ['failover/master-dead', 'failover/start-away'],
    [
      [
        'what is on a master that is away is asked for',
        "(away.of(key) ? 'away' : atMasterOf",
        "(away.of('') ? 'away' : atMasterOf",
      ],
      ['a Cluster that refuses as a whole is looked at in part', '  if (away.failure) throw away.failure\n', ''],
      ['a master that refuses its keys serves', '|| !awayCause(error, true))', '|| true)'],
      ['a start waits for any master', 'key && away.of(key)', 'away.all[0]'],
      [
        'a start waits without an end',
        'if (performance.now() > untilMs) {',
        'if (performance.now() > untilMs * 1e9) {',
      ],
    ],
  ),
  ...mutantsOf(
    'lib/store/reader.ts',
    ['failover/master-dead', 'failover/start-away'],
    [['totals ask masters that are away', '.filter((key) => !away?.of(key))', '']],
  ),
  ...mutantsOf(
    'services/compose.ts',
    ['failover/master-dead', 'failover/start-away'],
    [
      [
        'a start does not wait for a master',
        '  await untilThere(redis, keys,',
        '  if (settings.eventsMax > 1e9) await untilThere(redis, keys,',
      ],
    ],
  ),
  ...mutantsOf(
    'services/api/v2/live-snapshot.ts',
    ['unit/api-live'],
    [['CPU of other masters is taken for that of now', '    if (last.names !== before.names) return undefined\n', '']],
  ),
]
