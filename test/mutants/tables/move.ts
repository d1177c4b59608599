import { type Mutant, mutantsOf } from '../mutant.ts'

const TESTS = ['store/move']

/** Faults of exports and imports. */
export const moveMutants: readonly Mutant[] = [
  ...mutantsOf('lib/store/lua/import_swarms.lua', TESTS, [
    ['the earlier announce of a peer counts', 'if last >= now then return', 'if last < now then return'],
    ['an expired peer is kept', 'if announced <= cutoff then return', 'if announced == 0 then return'],
    ['a peer announces in time to come', 'now = math.min(announced, time)', 'now = announced'],
    [
      'a swarm is due later than its first peer expires',
      "if earliest then call('ZADD'",
      "if not earliest then call('ZADD'",
    ],
    ['who has completed is counted again', "  if when > cutoff then call('ZADD'", "  if when < 0 then call('ZADD'"],
    ['fewer completed downloads are counted than are remembered', 'math.max(completed, after)', 'completed'],
    ['a swarm came to be when it was imported', 'if added > 0 and not (since', 'if added < 0 and not (since'],
    ['what nobody is left of comes to be', 'if completed == 0 then return GONE end', ''],
  ]),
  ...mutantsOf('lib/store/lua/raise_fields.lua', TESTS, [
    ['an amount is added with each import', 'return #a < #b or #a == #b and a < b', 'return true'],
    ['amounts are compared as text', 'return #a < #b or #a == #b and a < b', 'return a < b'],
  ]),
  ...mutantsOf(
    'lib/store/lua/export_peers.lua',
    ['store/move-traffic'],
    [
      [
        'chunks are read in the order of their numbers',
        'local number = reversed(stretch, bits)',
        'local number = stretch',
      ],
      ['half of what was split is not read', '  if number + whole < chunks then readChunk(number + whole) end\n', ''],
    ],
  ),
  ...mutantsOf('lib/store/move/import-swarms.ts', TESTS, [
    [
      'details are kept where they must not be',
      'const kept = keepsDetails ? details : undefined',
      'const kept = details',
    ],
  ]),
  ...mutantsOf(
    'lib/store/move/lines.ts',
    ['unit/move-lines'],
    [
      ['a block is not checked', '!== check[1] || ', "=== '' || "],
      ['a block may be missing', ' || Number(check[2]) !== last', ''],
      ['a file may be cut off', '  if (pending.length > 0) throw cutOff(name, number)\n', ''],
    ],
  ),
  ...mutantsOf(
    'lib/store/move/progress.ts',
    ['tools/cli-move'],
    [
      ['an export may end where a block does', '    if (!hasEnded) throw cutOff(name, lastLine)\n', ''],
      ['what comes after the end is imported', '      if (hasEnded) throw damaged(name, block.first)\n', ''],
    ],
  ),
  ...mutantsOf(
    'services/cli/move/import.ts',
    ['tools/cli-move'],
    [
      ['two trackers are mixed', 'if (!known && !merge) await', 'if (known) await'],
      ['an import begins anew', '        if (line <= mark.line) continue\n', ''],
    ],
  ),
]
