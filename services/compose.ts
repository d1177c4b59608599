import { randomUUID } from 'node:crypto'
import { setInterval } from 'node:timers'
import type { Settings } from '../lib/config/settings.ts'
import { isRedisReply, messageOf } from '../lib/errors.ts'
import type { Lifecycle } from '../lib/lifecycle.ts'
import { makeCounters } from '../lib/observe/counters.ts'
import type { Logger } from '../lib/observe/log.ts'
import { makeMeasures } from '../lib/observe/measures.ts'
import { awayCause } from '../lib/store/away-cause.ts'
import { untilThere } from '../lib/store/away-masters.ts'
import { claimSchema } from '../lib/store/check-server.ts'
import { endConnection } from '../lib/store/client.ts'
import { makeSharedClock } from '../lib/store/clock.ts'
import { connectRedis } from '../lib/store/connect.ts'
import { type Keys, makeKeys } from '../lib/store/keys.ts'
import { isCluster } from '../lib/store/nodes.ts'
import { keepPeopleLibrary } from '../lib/store/people-library.ts'
import { askForAnnounces, makePulse } from '../lib/store/pulse.ts'
import { startInstance } from './instance.ts'
import { EVERY_SECOND_MS, NOTHING_STARTED, type Parts, type Repeat, type Started } from './parts.ts'
import type { Role } from './roles.ts'

const SYNCHRONIZE_EVERY_MS = 30_000
/** Longest that a start waits for a master of a Cluster: with Redis's own `cluster-node-timeout`, a failover takes 20 s. */
export const MASTER_MS_MAX = 60_000

/**
 * Builds the roles asked for on a Redis and starts them; each registers how it is stopped. What only one role needs is
 * loaded with that role: a frontend is to serve at once, and Fastify, BullMQ and the API's schemas take longer than the rest.
 */
export async function startRoles({
  settings: given,
  version,
  redisUrl,
  roles,
  number,
  elsewhere = {},
  log,
  lifecycle,
}: {
  settings: Settings
  version: string
  redisUrl: string
  roles: readonly Role[]
  /** The number of this process, where others have the same role on the same ports. */
  number?: string | undefined
  /** What runs in processes of its own beside these roles. */
  elsewhere?: Partial<Pick<Started, 'udp' | 'http'>>
  log: Logger
  lifecycle: Lifecycle
}): Promise<Started> {
  const redis = await connectRedis(redisUrl)
  lifecycle.onStop('Redis connection', () => endConnection(redis))
  // The stream of events is one key: the scripts of other masters could not write to it.
  const settings: Settings = isCluster(redis) ? { ...given, eventsMax: 0 } : given
  if (given.eventsMax > 0 && settings.eventsMax === 0) log.info('a Cluster keeps no events (REDSWARM_EVENTS_MAX)')
  const isFrontend = roles.includes('udp') || roles.includes('http')
  const pulse = makePulse(redis, log, isFrontend ? askForAnnounces : undefined)
  const repeat = makeRepeat(lifecycle, log)
  repeat(EVERY_SECOND_MS, pulse.beat)
  const keys = makeKeys(settings.keyPrefix)
  await untilThere(redis, keys, neededKeys(keys, roles, settings), { msMax: MASTER_MS_MAX, log })
  await claimSchema(redis, keys.schema)
  const uptimeMs = () => performance.now()
  const clock = makeSharedClock(redis, uptimeMs)
  await clock.synchronize()
  repeat(SYNCHRONIZE_EVERY_MS, clock.synchronize)
  redis.on('ready', () => void clock.synchronize().catch(() => {}))
  const parts: Parts = {
    settings,
    instanceId: randomUUID(),
    version,
    redisUrl,
    redis,
    pulse,
    keys,
    clock,
    ownNowMs: Date.now,
    uptimeMs,
    random: Math.random,
    counters: makeCounters(),
    measures: makeMeasures(),
    metricSources: [],
    log,
    lifecycle,
    repeat,
    sharesPorts: number !== undefined,
    number,
  }
  const started: Started = { ...NOTHING_STARTED, ...elsewhere }
  // The sweeper comes first and goes last: it does nothing that a client sees.
  if (roles.includes('sweeper')) await (await import('./compose-sweeper.ts')).startSweeper(parts)
  const api = roles.includes('api') ? await import('./compose-api.ts') : undefined
  if (api) Object.assign(started, await api.startApi(parts))
  if (roles.includes('http') || roles.includes('udp')) {
    const frontends = await import('./compose-frontends.ts')
    Object.assign(started, await frontends.startFrontends(parts, roles))
  }
  // It asks what has started by now.
  if (api) started.health = await api.startHealth(parts, started)
  // Last: clients come first.
  started.metrics = await (await import('./compose-metrics.ts')).startMetrics(parts, roles)
  await keepPeopleLibrary(redis, log)
  await startInstance(parts, roles, started)
  return started
}

/** What cannot be started without: none of it can be told by another master of a Cluster. */
function neededKeys(keys: Keys, roles: readonly Role[], { secret, isPrivate }: Settings): string[] {
  const isFrontend = roles.includes('udp') || roles.includes('http')
  return [
    keys.schema,
    ...(isFrontend ? [keys.bans, keys.denied, keys.clients].map(({ list }) => list) : []),
    ...(isFrontend && isPrivate ? [keys.passkeys] : []),
    ...(roles.includes('udp') && secret === undefined ? [keys.secret] : []),
    ...(roles.includes('sweeper') ? [keys.jobs] : []),
  ]
}

/**
 * A failure is the next run's to make good; that Redis does not serve is told by its pulse. What Redis answers with, a key
 * that somebody damaged, is told once while it lasts.
 */
function makeRepeat(lifecycle: Lifecycle, log: Logger): Repeat {
  return (everyMs, task) => {
    let told = ''
    const run = async (): Promise<void> => {
      try {
        await task()
        told = ''
      } catch (error) {
        const problem = messageOf(error)
        if (awayCause(error, false) !== undefined || !isRedisReply(error) || problem === told) return
        told = problem
        log.error({ problem }, 'Redis answers with an error')
      }
    }
    const timer = setInterval(() => void run(), everyMs)
    lifecycle.onStop('timer', () => clearInterval(timer))
  }
}
