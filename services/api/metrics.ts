import Type from 'typebox'
import type { Counters } from '../../lib/observe/counters.ts'
import type { ApiApp } from './context.ts'
import { ERROR_REPLIES } from './errors.ts'
import { FormatQuery, inBothFormats, type Metric, metricsText, PROMETHEUS_TYPE } from './prometheus.ts'
import type { Reading } from './reading.ts'

const Label = Type.Object({ name: Type.String(), value: Type.String() })
const Sample = Type.Object({ value: Type.Integer(), recorded_at: Type.String(), labels: Type.Array(Label) })
const MetricsReply = Type.Object({
  metrics: Type.Array(
    Type.Object({
      type: Type.String(),
      name: Type.String(),
      unit: Type.String(),
      description: Type.String(),
      samples: Type.Array(Sample),
    }),
  ),
})

/** `GET /api/v1/metrics`: what is counted, with labels, by Torrust's names; what it does not count by our own. */
export function registerMetrics(app: ApiApp, read: () => Promise<Reading>): void {
  const schema = {
    summary: 'What is counted, with labels, for Prometheus or as JSON',
    querystring: FormatQuery,
    response: { 200: inBothFormats(MetricsReply), ...ERROR_REPLIES },
  }
  app.get('/api/v1/metrics', { schema }, async ({ query }, reply) => {
    const reading = await read()
    const metrics = metricsOf(reading)
    if (query.format === 'prometheus') return reply.type(PROMETHEUS_TYPE).send(metricsText(metrics))
    return { metrics: metrics.map((metric) => metricBody(metric, reading.atMs)) }
  })
}

/** A metric in Torrust's shape. */
function metricBody({ type, name, description, samples }: Metric, atMs: number) {
  const recordedAt = new Date(atMs).toISOString().replace('Z', '+00:00')
  return {
    type,
    name,
    unit: 'count',
    description,
    samples: samples.map(({ labels, value }) => ({
      value,
      recorded_at: recordedAt,
      labels: Object.entries(labels).map(([label, text]) => ({ name: label, value: text })),
    })),
  }
}

const metricsOf = ({ totals, counters }: Reading): Metric[] => [
  ...httpMetrics(counters),
  ...udpMetrics(counters),
  counter('tracker_core_persistent_torrents_downloads_total', 'As tracker_core_persisted_torrents_downloads_total', [
    [{}, totals.completed],
  ]),
  counter('tracker_core_persisted_torrents_downloads_total', 'Downloads that were completed, of all torrents kept', [
    [{}, totals.completed],
  ]),
  gauge('swarm_coordination_registry_torrents_total', 'Torrents', [[{}, totals.torrents]]),
  gauge('swarm_coordination_registry_peer_connections_total', 'Peers of all torrents', [
    [{ peer_role: 'seeder' }, totals.seeders],
    [{ peer_role: 'leecher' }, totals.leechers],
  ]),
  counter('redswarm_store_refusals_total', 'Announces and scrapes that Redis could not serve', [
    [{ reason: 'busy' }, counters.store_busy],
    [{ reason: 'away' }, counters.store_away],
    [{ reason: 'slow' }, counters.store_slow],
    [{ reason: 'loading' }, counters.store_loading],
    [{ reason: 'read_only' }, counters.store_read_only],
    [{ reason: 'out_of_memory' }, counters.store_out_of_memory],
    [{ reason: 'failing_over' }, counters.store_failing_over],
    [{ reason: 'damaged' }, counters.store_damaged],
  ]),
]

/** Requests that were answered with an error, those refused among them. */
export const errorsOf = (counters: Counters, protocol: 'udp' | 'tcp', family: '4' | '6'): number =>
  counters[`${protocol}${family}_errors`] +
  counters[`${protocol}${family}_announces_refused`] +
  counters[`${protocol}${family}_scrapes_refused`]

const FAMILIES = [
  { number: '4', family: 'inet' },
  { number: '6', family: 'inet6' },
] as const
type Samples = [labels: Record<string, string>, value: number][]

/** The samples of both address families, labelled as Torrust labels them. */
const ofFamilies = (protocol: 'http' | 'udp', samplesOf: (number: '4' | '6') => Samples): Samples =>
  FAMILIES.flatMap(({ number, family }) =>
    samplesOf(number).map(([labels, value]): Samples[number] => [
      { client_address_ip_family: family, ...labels, server_binding_protocol: protocol },
      value,
    ]),
  )

function httpMetrics(counters: Counters): Metric[] {
  const requests = ofFamilies('http', (number) => [
    [{ request_kind: 'announce' }, counters[`tcp${number}_announces`]],
    [{ request_kind: 'scrape' }, counters[`tcp${number}_scrapes`]],
  ])
  const errors = ofFamilies('http', (number) => [[{}, errorsOf(counters, 'tcp', number)]])
  return [
    counter('http_tracker_core_requests_received_total', 'HTTP requests received', requests),
    counter('redswarm_http_errors_total', 'HTTP requests that were answered with a failure reason', errors),
  ]
}

function udpMetrics(counters: Counters): Metric[] {
  const kinds = ofFamilies('udp', (number) => [
    [{ request_kind: 'connect' }, counters[`udp${number}_connections`]],
    [{ request_kind: 'announce' }, counters[`udp${number}_announces`]],
    [{ request_kind: 'scrape' }, counters[`udp${number}_scrapes`]],
  ])
  const accepted = (number: '4' | '6') =>
    counters[`udp${number}_connections`] + counters[`udp${number}_announces`] + counters[`udp${number}_scrapes`]
  const errors = (number: '4' | '6') => errorsOf(counters, 'udp', number)
  const received = (number: '4' | '6') => accepted(number) + counters[`udp${number}_errors`]
  const sent = ofFamilies('udp', (number) => [
    [{ result: 'ok' }, received(number) - errors(number)],
    [{ result: 'error' }, errors(number)],
  ])
  const failed = ofFamilies('udp', (number) => [[{}, errors(number)]])
  const all = (value: number): Samples => [[{ server_binding_protocol: 'udp' }, value]]
  return [
    counter('udp_tracker_core_requests_received_total', 'UDP requests received, of each kind', kinds),
    counter(
      'udp_tracker_server_requests_received_total',
      'UDP requests received',
      ofFamilies('udp', (number) => [[{}, received(number)]]),
    ),
    counter('udp_tracker_server_requests_accepted_total', 'UDP requests accepted', kinds),
    counter('udp_tracker_server_requests_discarded_total', 'Datagrams that were no request', all(counters.udp_ignored)),
    counter('udp_tracker_server_requests_aborted_total', 'Requests dropped under load', all(counters.udp_dropped)),
    counter(
      'udp_tracker_server_requests_banned_total',
      'Requests of addresses that are banned, or had too many errors, left unanswered',
      all(counters.udp_errors_silenced + counters.udp_banned),
    ),
    counter('udp_tracker_server_responses_sent_total', 'UDP responses', sent),
    counter('udp_tracker_server_errors_total', 'UDP errors sent', failed),
    counter('redswarm_udp_unsent_total', 'Responses that the system would not send', all(counters.udp_unsent)),
  ]
}

const counter = (name: string, description: string, samples: Samples): Metric =>
  metric('counter', name, description, samples)
const gauge = (name: string, description: string, samples: Samples): Metric =>
  metric('gauge', name, description, samples)

const metric = (type: Metric['type'], name: string, description: string, samples: Samples): Metric => ({
  type,
  name,
  description,
  samples: samples.map(([labels, value]) => ({ labels, value })),
})
