import { type Mutant, mutantsOf } from '../mutant.ts'

/** Faults in what operators look at: live figures, processes, lists, the dashboard's files. */
export const dashboardMutants: readonly Mutant[] = [
  ...mutantsOf(
    'services/api/v2/live.ts',
    ['services/api-live', 'services/api-live-slow'],
    [
      ['anybody may follow the live figures', 'const giveBack = liveSlots.take()', 'const giveBack = () => {}'],
      ['what a slow reader does not take is kept for it', 'if (isFirst || response.writableLength === 0) ', ''],
    ],
  ),
  ...mutantsOf(
    'services/api/v2/live-feed.ts',
    ['services/api-live'],
    [
      ['Redis is read for each reader of live figures', 'running ??= run()', 'running = run()'],
      ['who comes later is told of no rates before', 'columnsOf(history)))', 'columnsOf([])))'],
    ],
  ),
  ...mutantsOf(
    'services/api/v2/live-snapshot.ts',
    ['services/api-live', 'services/api-live-slow'],
    [
      ['totals are read every second', 'Math.abs(nowS() - kept.at) < TOTALS_EVERY_S', 'nowS() - kept.at < 0'],
      ['nobody is told why a figure is missing', "problems.size > 0 ? [...problems].join('; ') : null", 'null'],
    ],
  ),
  ...mutantsOf(
    'services/api/v2/rates.ts',
    ['unit/api-rates'],
    [
      [
        'rates go on over counters that have begun anew',
        'COUNTER_NAMES.every((name) => sample.counters[name] >= last.counters[name])',
        'COUNTER_NAMES.length > 0',
      ],
      ['rates are means of all that was ever read', 'samples.shift()', 'break'],
    ],
  ),
  ...mutantsOf(
    'services/api/v2/tracker.ts',
    ['services/api-operators'],
    [['every token is told to be an admin`s', 'holder?.isAdmin ?? false', 'true']],
  ),
  ...mutantsOf(
    'lib/store/whitelist.ts',
    ['services/api-operators'],
    [['a page of the whitelist leaves shards out', 'at += many\n', 'at += 2 * many\n']],
  ),
  ...mutantsOf(
    'services/api/page.ts',
    ['services/page'],
    [
      ['any site may show the dashboard in a frame', '"frame-ancestors \'none\'"', '"frame-ancestors \'self\'"'],
      ['a file that a browser has is sent again', 'if (known.includes(file.etag)) return reply.code(304).send()', ''],
    ],
  ),
]
