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
  ...mutantsOf('lib/store/lua/import_reports.lua', TESTS, [
    [
      'an earlier report comes back',
      "if known and redis.call('EXPIRETIME', key) >= expires then return 'unchanged' end",
      '',
    ],
    ['a later report is left out', "redis.call('EXPIRETIME', key) >= expires", "redis.call('EXPIRETIME', key) > 0"],
    ['a report is remembered for longer than a peer', 'expires = math.min(expires, time + lifetimeS)', ''],
    [
      'a report that is over comes back',
      "if expires <= time then return 'expired' end",
      'expires = math.max(expires, time + 1)',
    ],
  ]),
  ...mutantsOf('lib/store/move/reports.ts', TESTS, [
    ['a report of somebody else is exported', 'amounts.length !== AMOUNTS_BYTES || untilS <= 0 || ', ''],
    [
      'what is up is down',
      'amounts.writeBigUInt64BE(readAmount(uploaded), 8)',
      'amounts.writeBigUInt64BE(readAmount(downloaded), 8)',
    ],
  ]),
  ...mutantsOf('lib/store/move/export.ts', TESTS, [
    ['reports are not exported', 'if (!options.withPeers) return', 'if (options.withPeers) return'],
    ['a counter that is none is exported', 'Number.isSafeInteger(count) && count >= 0', 'count !== -1'],
    ['a secret that is none is exported', 'secret !== null && SECRET.test(secret)', 'secret !== null'],
  ]),
  ...mutantsOf('lib/store/move/records.ts', TESTS, [
    ['an address that cannot be read back is exported', '  if (isMapped(peer.endpoint)) return []\n', ''],
    [
      'an event that there is not is exported',
      'peer.details && !EVENTS.has(peer.details.event)',
      'peer.details === null',
    ],
  ]),
  ...mutantsOf(
    'services/cli/move/write-whole.ts',
    ['cli/move-files'],
    [
      ['a pipe is replaced by a file', 'if (found && !found.isFile())', 'if (found === null)'],
      ['a link is replaced', 'found ? await realpath(file) : file', 'file'],
      ['others may read an export', "'wx', 0o600", "'wx', 0o644"],
      ['a half file stays', '    if (await isOurs()) await rm(part, { force: true }).catch(() => {})\n', ''],
      ['Ctrl-C leaves a half file', '    (signal) => stop.abort(', '    (signal) => process.exit(2) ?? stop.abort('],
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
    ['cli/move', 'cli/move-files'],
    [
      ['an export may end where a block does', '    if (!hasEnded) throw cutOff(name, lastLine)\n', ''],
      ['a later format is imported', 'if (format > EXPORT_FORMAT)', 'if (format === 0)'],
      ['a mark of the version before is not gone on with', '{ ...makeImportReport(), ...report }', 'report'],
      ['what comes after the end is imported', '      if (hasEnded) throw damaged(name, block.first)\n', ''],
    ],
  ),
  ...mutantsOf(
    'services/cli/move/import.ts',
    ['cli/move'],
    [
      ['two trackers are mixed', 'if (!known && !merge) await', 'if (known) await'],
      ['an import begins anew', '        if (line <= mark.line) continue\n', ''],
    ],
  ),
]
