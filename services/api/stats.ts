import Type from 'typebox'
import type { Counters } from '../../lib/observe/counters.ts'
import type { ApiApp } from './context.ts'
import { ERROR_REPLIES } from './errors.ts'
import { errorsOf } from './metrics.ts'
import { FormatQuery, inBothFormats, PROMETHEUS_TYPE } from './prometheus.ts'
import type { Reading } from './reading.ts'

const PERSISTED = 'completed_persisted'
const FAMILIES = ['4', '6'] as const
const HANDLED = ['connections', 'announces', 'scrapes'].map((what) => `${what}_handled`)
/** Torrust's names in Torrust's order, as it has them since 2026; those up to then are among them. */
const NAMES = [
  ...['torrents', 'seeders', 'completed', PERSISTED, 'leechers'],
  ...FAMILIES.flatMap((family) => HANDLED.map((what) => `tcp${family}_${what}`)),
  ...['discarded', 'aborted', 'banned'].map((what) => `udp_requests_${what}`),
  'udp_banned_ips_total',
  ...['connect', 'announce', 'scrape'].map((what) => `udp_avg_${what}_processing_time_ns`),
  ...FAMILIES.flatMap((family) =>
    ['requests', ...HANDLED, 'responses', 'errors_handled'].map((what) => `udp${family}_${what}`),
  ),
]
const StatsReply = Type.Object(
  Object.fromEntries(
    NAMES.flatMap((name) => [
      [name, Type.Integer()] as const,
      ...(name === PERSISTED ? [[`${PERSISTED}_enabled`, Type.Boolean()] as const] : []),
    ]),
  ),
)

/** `GET /api/v1/stats`: counts of all torrents and of what all frontends handled. */
export function registerStats(app: ApiApp, read: () => Promise<Reading>): void {
  const schema = {
    summary: 'Counts of all torrents and of what all frontends handled',
    querystring: FormatQuery,
    response: { 200: inBothFormats(StatsReply), ...ERROR_REPLIES },
  }
  app.get('/api/v1/stats', { schema }, async ({ query }, reply) => {
    const counts = statsOf(await read())
    if (query.format !== 'prometheus') return { ...counts, [`${PERSISTED}_enabled`]: true }
    const lines = NAMES.map((name) => `${name} ${counts[name]}\n`)
    return reply.type(PROMETHEUS_TYPE).send(lines.join(''))
  })
}

function statsOf({ totals, counters }: Reading): Record<string, number> {
  const { torrents, seeders, completed, leechers } = totals
  return {
    ...Object.fromEntries(NAMES.map((name) => [name, 0])),
    // What was completed is kept with the torrent, in Redis.
    ...{ torrents, seeders, completed, completed_persisted: completed, leechers },
    ...{ udp_requests_discarded: counters.udp_ignored, udp_requests_aborted: counters.udp_dropped },
    udp_requests_banned: counters.udp_errors_silenced + counters.udp_banned,
    ...Object.fromEntries(FAMILIES.flatMap((family) => [...tcpStats(counters, family), ...udpStats(counters, family)])),
  }
}

type Family = (typeof FAMILIES)[number]

/** As Torrust counts: over HTTP every request is a connection. */
function tcpStats(counters: Counters, family: Family): [string, number][] {
  const announces = counters[`tcp${family}_announces`]
  const scrapes = counters[`tcp${family}_scrapes`]
  return [
    [`tcp${family}_connections_handled`, announces + scrapes],
    [`tcp${family}_announces_handled`, announces],
    [`tcp${family}_scrapes_handled`, scrapes],
  ]
}

function udpStats(counters: Counters, family: Family): [string, number][] {
  const connections = counters[`udp${family}_connections`]
  const announces = counters[`udp${family}_announces`]
  const scrapes = counters[`udp${family}_scrapes`]
  const answered = connections + announces + scrapes + counters[`udp${family}_errors`]
  return [
    [`udp${family}_requests`, answered],
    [`udp${family}_connections_handled`, connections],
    [`udp${family}_announces_handled`, announces],
    [`udp${family}_scrapes_handled`, scrapes],
    [`udp${family}_responses`, answered],
    [`udp${family}_errors_handled`, errorsOf(counters, 'udp', family)],
  ]
}
