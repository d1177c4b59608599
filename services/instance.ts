import { hostname } from 'node:os'
import { listenText } from '../lib/config/listen.ts'
import type { CounterName, Counters } from '../lib/observe/counters.ts'
import { type Instance, makeInstanceBeat } from '../lib/store/instances.ts'
import { EVERY_SECOND_MS, type Parts, type Started } from './parts.ts'
import type { Role } from './roles.ts'

const SERVICES = ['udp', 'http', 'api', 'health', 'metrics'] as const
const REQUESTS: CounterName[] = (['udp4', 'udp6', 'tcp4', 'tcp6'] as const).flatMap((family) => [
  `${family}_announces` as const,
  `${family}_scrapes` as const,
])
const CONNECTS: CounterName[] = ['udp4_connections', 'udp6_connections']

const requestsOf = (counters: Counters): number =>
  [...REQUESTS, ...CONNECTS].reduce((sum, name) => sum + counters[name], 0)

/** Has this process tell of itself in Redis every second, from now until it stops. */
export async function startInstance(parts: Parts, roles: readonly Role[], started: Started): Promise<void> {
  const { redis, keys, lifecycle, repeat } = parts
  const { beat, leave } = makeInstanceBeat({ redis, keys, describe: describer(parts, roles, started) })
  lifecycle.onStop('word of this process', () => leave().catch(() => {}))
  // Nobody needs it to serve; what keeps failing is told by the beats to come.
  await beat().catch(() => {})
  repeat(EVERY_SECOND_MS, beat)
}

function describer({ instanceId, version, clock, counters }: Parts, roles: readonly Role[], started: Started) {
  const startedAt = clock.nowS()
  const listens = SERVICES.flatMap((service) => started[service].map((listen) => `${service} ${listenText(listen)}`))
  const host = hostname()
  let last = { ms: performance.now(), cpu: process.cpuUsage(), requests: requestsOf(counters) }
  return (): Instance => {
    const now = { ms: performance.now(), cpu: process.cpuUsage(), requests: requestsOf(counters) }
    const seconds = Math.max(0.001, (now.ms - last.ms) / 1000)
    const cpuUs = now.cpu.user + now.cpu.system - last.cpu.user - last.cpu.system
    const requestsPerS = Math.round((now.requests - last.requests) / seconds)
    last = now
    return {
      ...{ id: instanceId, roles: [...roles], host, pid: process.pid, version, node: process.version },
      ...{ startedAt, at: clock.nowS(), listens, rssBytes: process.memoryUsage.rss() },
      ...{ cpuCores: Number((cpuUs / 1e6 / seconds).toFixed(3)), requestsPerS },
    }
  }
}
