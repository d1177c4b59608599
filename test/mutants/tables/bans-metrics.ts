import { type Mutant, mutantsOf } from '../mutant.ts'

/** Faults in what operators see, and in whether bans are asked. */
export const banMetricsMutants: readonly Mutant[] = [
  ...mutantsOf(
    'services/udp/datagram.ts',
    ['unit/datagram', 'services/bans', 'services/metrics'],
    [
      ['a banned address is answered', 'if (isBanned?.(datagram.source)) {', 'if (false) {'],
      [
        'announces are timed once a batch',
        'secondsSince(startMs), waiting.length)\n  }\n\n  const answerScrapes',
        'secondsSince(startMs))\n  }\n\n  const answerScrapes',
      ],
      [
        'announces count as served before they are',
        '    const outcomes = await announcer(requests, isV6 ? PEERS_MAX_IPV6 : PEERS_MAX_IPV4)\n',
        '    counters[kind] += waiting.length\n    const outcomes = await announcer(requests, isV6 ? PEERS_MAX_IPV6 : PEERS_MAX_IPV4)\n    counters[kind] -= waiting.length\n',
      ],
      ['a refused announce counts as answered', 'if (!outcome.ok) countRefused(counters, kind, outcome.cause)', ''],
    ],
  ),
  ...mutantsOf(
    'lib/store/instances.ts',
    ['store/instances'],
    [
      [
        'processes that are gone are kept for good',
        'return !instance || nowS - instance.at > FORGOTTEN_AFTER_S',
        'return !instance',
      ],
      ['what somebody else wrote is told as a process', 'if (!isOurs) return undefined', ''],
    ],
  ),
  ...mutantsOf(
    'lib/observe/metrics.ts',
    ['services/metrics'],
    [
      ['a bucket counts only its own', 'below += count', 'below = count'],
      ['one metric that cannot be read takes all others with it', '.catch(() => [])', ''],
    ],
  ),
  ...mutantsOf(
    'services/metrics/app.ts',
    ['services/metrics', 'failover/redis-away'],
    [['a process is ready without Redis', 'if (cause === undefined) return', 'if (cause) return']],
  ),
  ...mutantsOf(
    'services/metrics/frontend.ts',
    ['services/metrics'],
    [['no request is told as refused', "sample(kind, 'refused', refused)", "sample(kind, 'refused', 0)"]],
  ),
  ...mutantsOf(
    'services/http/request.ts',
    ['services/metrics'],
    [
      [
        'a scrape over HTTP is not counted',
        '    counters[kind] += 1\n    durations.http_scrape',
        '    durations.http_scrape',
      ],
    ],
  ),
  ...mutantsOf(
    'services/sweeper/service.ts',
    ['services/sweeper'],
    [
      ['a sweeper does not start where Redis is full', "!error.message.startsWith('OOM')", 'true'],
      ['a job that is lost is not made anew', '    isScheduled = false\n    log.warn(', '    log.warn('],
    ],
  ),
  ...mutantsOf(
    'services/instance.ts',
    ['store/instances'],
    [['a first word that cannot be kept ends the process', 'await beat().catch(() => {})', 'await beat()']],
  ),
  ...mutantsOf(
    'services/metrics/tracker.ts',
    ['services/metrics'],
    [['leechers are told as seeders', "[{ role: 'seeder' }, totals.seeders]", "[{ role: 'seeder' }, totals.leechers]"]],
  ),
  ...mutantsOf(
    'services/compose-metrics.ts',
    ['services/metrics', 'cli/processes'],
    [
      ['whoever asks has all shards read', 'kept && uptimeMs() < kept.untilMs', 'kept && false'],
      ['several processes have one port', '(number === undefined ? 0 : Number(number))', '0'],
    ],
  ),
  ...mutantsOf(
    'lib/observe/histogram.ts',
    ['unit/metrics'],
    [['what is just a bound counts above it', 'value > (bounds', 'value >= (bounds']],
  ),
]
