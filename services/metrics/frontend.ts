import type { CounterName, Counters } from '../../lib/observe/counters.ts'
import { CALLED, type Measures, TIMED } from '../../lib/observe/measures.ts'
import type { MetricSource, Samples } from '../../lib/observe/metrics.ts'

/** What the metrics of frontends are read from. */
export type FrontendReadings = {
  counters: Counters
  measures: Measures
  /** What waits for Redis, or is in flight. */
  waiting: () => { announces: number; scrapes: number }
  /** The interval that clients are told. */
  intervalS: () => number
}

const FAMILIES = [
  ['udp', 'udp4', 'ipv4'],
  ['udp', 'udp6', 'ipv6'],
  ['http', 'tcp4', 'ipv4'],
  ['http', 'tcp6', 'ipv6'],
] as const

/** Metrics of the UDP and HTTP frontends of a process. */
export const frontendMetrics = ({ counters, measures, waiting, intervalS }: FrontendReadings): MetricSource[] => [
  {
    name: 'redswarm_requests_total',
    help: 'Requests by what became of them: ok, refused (see redswarm_refusals_total), or invalid, which is told of kind unknown',
    type: 'counter',
    read: () => FAMILIES.flatMap((family) => requestSamples(counters, family)),
  },
  {
    name: 'redswarm_refusals_total',
    help: 'Announces and scrapes refused, by cause; a call of Redis that fails counts once for each of its announces, or of its info hashes to scrape',
    type: 'counter',
    read: () => causes(counters, { ...REFUSED_BY_ACCESS, ...REFUSED_BY_STORE }),
  },
  {
    name: 'redswarm_datagrams_dropped_total',
    help: 'Datagrams that were not answered: no request, too many in work, too many errors or requests of their address, or a banned one',
    type: 'counter',
    read: () => causes(counters, DROPPED),
  },
  {
    name: 'redswarm_proxy_headers_refused_total',
    help: 'Datagrams and HTTP connections not served for their header of the PROXY protocol: from no trusted proxy, broken, or, of datagrams, silent about the client',
    type: 'counter',
    read: () => causes(counters, PROXY_HEADERS),
  },
  {
    name: 'redswarm_early_announces_total',
    help: 'Regular announces answered without peers: they came sooner than the minimum interval, again and again',
    type: 'counter',
    read: () => [[{}, counters.early_announces]],
  },
  {
    name: 'redswarm_http_connections_closed_total',
    help: 'HTTP connections closed to make room for others, or because their address had too many',
    type: 'counter',
    read: () => [[{}, counters.http_connections_closed]],
  },
  {
    name: 'redswarm_datagrams_unsent_total',
    help: 'Replies that the system would not send',
    type: 'counter',
    read: () => [[{}, counters.udp_unsent]],
  },
  {
    name: 'redswarm_request_duration_seconds',
    help: 'From when a request was read to when its answer was handed to the system',
    type: 'histogram',
    read: () =>
      TIMED.map((name) => {
        const [protocol = '', kind = ''] = name.split('_')
        return [{ protocol, kind }, measures.durations[name]]
      }),
  },
  {
    name: 'redswarm_batch_size',
    help: 'What goes together: datagrams in one read, announces and info hashes to scrape in one call of Redis',
    type: 'histogram',
    read: () => Object.entries(measures.batches).map(([kind, histogram]) => [{ kind }, histogram]),
  },
  {
    name: 'redswarm_redis_call_duration_seconds',
    help: 'From when a call was sent to Redis to its answer',
    type: 'histogram',
    read: () => CALLED.map((script) => [{ script }, measures.calls[script]]),
  },
  {
    name: 'redswarm_waiting',
    help: 'Announces and info hashes to scrape that wait for Redis, or are in flight',
    type: 'gauge',
    read: () => Object.entries(waiting()).map(([kind, count]) => [{ kind }, count]),
  },
  {
    name: 'redswarm_announce_interval_seconds',
    help: 'Interval that clients are told, before chance adds up to a tenth: as set or, while the frontend or Redis is overloaded, longer',
    type: 'gauge',
    read: () => [[{}, Math.round(intervalS())]],
  },
]

/** The metric of an HTTP frontend that is no count. */
export const connectionsMetric = (open: () => number): MetricSource => ({
  name: 'redswarm_http_connections',
  help: 'Open connections of the HTTP tracker',
  type: 'gauge',
  read: () => [[{}, open()]],
})

function requestSamples(counters: Counters, [protocol, prefix, family]: (typeof FAMILIES)[number]): Samples {
  const sample = (kind: string, outcome: string, value: number): Samples[number] => [
    { protocol, family, kind, outcome },
    value,
  ]
  const answered = (['announces', 'scrapes'] as const).flatMap((kinds) => {
    const refused = counters[`${prefix}_${kinds}_refused`]
    const kind = kinds.slice(0, -1)
    return [sample(kind, 'ok', counters[`${prefix}_${kinds}`] - refused), sample(kind, 'refused', refused)]
  })
  const connects = prefix === 'udp4' || prefix === 'udp6' ? counters[`${prefix}_connections`] : undefined
  return [
    ...(connects === undefined ? [] : [sample('connect', 'ok', connects)]),
    ...answered,
    sample('unknown', 'invalid', counters[`${prefix}_errors`]),
  ]
}

const REFUSED_BY_ACCESS = {
  unlisted: 'refused_unlisted',
  private: 'refused_private',
  banned: 'refused_banned',
  denied: 'refused_denied',
  client: 'refused_client',
  address: 'refused_address',
  over_rate: 'refused_over_rate',
  torrents: 'refused_torrents',
  address_torrents: 'refused_address_torrents',
  swarm_peers: 'refused_swarm_peers',
} as const
const REFUSED_BY_STORE = {
  busy: 'store_busy',
  away: 'store_away',
  slow: 'store_slow',
  loading: 'store_loading',
  read_only: 'store_read_only',
  out_of_memory: 'store_out_of_memory',
  failing_over: 'store_failing_over',
  damaged: 'store_damaged',
} as const
const DROPPED = {
  no_request: 'udp_ignored',
  overload: 'udp_dropped',
  error_budget: 'udp_errors_silenced',
  banned: 'udp_banned',
  over_rate: 'udp_over_rate',
} as const
const PROXY_HEADERS = {
  untrusted: 'proxy_untrusted',
  broken: 'proxy_broken',
  silent: 'proxy_silent',
} as const

const causes = (counters: Counters, names: Record<string, CounterName>): Samples =>
  Object.entries(names).map(([cause, name]) => [{ cause }, counters[name]])
