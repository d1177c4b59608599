import type { Listen } from '../lib/config/listen.ts'
import { startHttpServer } from '../lib/http-server.ts'
import { makeMetrics } from '../lib/observe/metrics.ts'
import { readAuditResult } from '../lib/store/audit/result.ts'
import { findAwayOfSome, type Part, readPart } from '../lib/store/away-masters.ts'
import { isSilent, readInstances } from '../lib/store/instances.ts'
import { makeSwarmReader } from '../lib/store/reader.ts'
import { readServers, togetherOf } from '../lib/store/server-facts.ts'
import { readSweeperState } from '../lib/store/sweep.ts'
import { makeMetricsApp } from './metrics/app.ts'
import { processMetrics } from './metrics/process.ts'
import { type TrackerReading, trackerMetrics } from './metrics/tracker.ts'
import type { Parts } from './parts.ts'
import type { Role } from './roles.ts'

/** A reading of the whole tracker is kept so long: the totals take 4,096 small reads of Redis. */
const KEPT_MS = 10_000

/** Builds what tells Prometheus and orchestrators of this process, and starts it. */
export async function startMetrics(parts: Parts, roles: readonly Role[]): Promise<Listen[]> {
  const { settings, version, pulse, metricSources, log, lifecycle } = parts
  const metrics = makeMetrics()
  metrics.add([...processMetrics({ version, roles, isRedisUp: () => pulse.problem() === undefined }), ...metricSources])
  if (roles.includes('api')) metrics.add(trackerMetrics(makeTrackerReader(parts)))
  const start = (listens: readonly Listen[]) =>
    startHttpServer({
      listens,
      makeApp: () => makeMetricsApp({ text: metrics.text, problem: pulse.problem }),
      setting: 'REDSWARM_METRICS_LISTEN',
      log: log.child({ role: 'metrics' }),
    })
  const wanted = listensOf(parts)
  const server = await start(wanted).catch(async (error: unknown) => {
    // Frontends are to start side by side on one machine without a setting for each.
    if (settings.isMetricsListenGiven && parts.number === undefined) throw error
    const elsewhere = await start(wanted.map(({ address }) => ({ address, port: 0 })))
    log.info({ metrics: elsewhere.listens }, 'the port of metrics is taken: they are at a free one')
    return elsewhere
  })
  lifecycle.onStop('metrics', server.stop)
  return server.listens
}

/** Of several processes on the same ports each has metrics of its own, on the ports after the one that is set. */
const listensOf = ({ settings, number }: Parts): Listen[] =>
  settings.metricsListens.map(({ address, port }) => ({
    address,
    port: port === 0 ? 0 : port + (number === undefined ? 0 : Number(number)),
  }))

function makeTrackerReader({ redis, keys, clock, uptimeMs }: Parts): () => Promise<TrackerReading> {
  const { totals } = makeSwarmReader({ redis, keys })
  const read = async (): Promise<TrackerReading> => {
    const away = await findAwayOfSome(redis, keys)
    // Sums without a master would look like a loss of swarms.
    const isWhole = away.all.length === 0
    const [sums, server, instances, sweeper, audit] = await Promise.all([
      isWhole ? totals() : undefined,
      isWhole ? readServers(redis, away).then(togetherOf) : undefined,
      readPart(redis, away, keys.instances, (node) => readInstances(node, keys)),
      readPart(redis, away, keys.sweeper, (node) => readSweeperState(node, keys)),
      readPart(redis, away, keys.audit, (node) => readAuditResult(node, keys)),
    ])
    const processes = known(instances)?.map((instance) => ({ isSilent: isSilent(instance, clock.nowS()) }))
    return { totals: sums, server, processes, sweeper: known(sweeper), audit: known(audit) }
  }
  let kept: { reading: Promise<TrackerReading>; untilMs: number } | undefined
  return () => {
    if (kept && uptimeMs() < kept.untilMs) return kept.reading
    const reading = read()
    kept = { reading, untilMs: uptimeMs() + KEPT_MS }
    reading.catch(() => {
      kept = undefined
    })
    return reading
  }
}

const known = <T>(part: Part<T>): T | undefined => (part === 'away' ? undefined : part)
