import { randomUUID } from 'node:crypto'
import { setInterval } from 'node:timers'
import type { Redis } from 'ioredis'
import type { Listen } from '../lib/config/listen.ts'
import type { Settings } from '../lib/config/settings.ts'
import { isRedisReply, messageOf } from '../lib/errors.ts'
import type { Lifecycle } from '../lib/lifecycle.ts'
import { type Counters, makeCounters } from '../lib/observe/counters.ts'
import type { Logger } from '../lib/observe/log.ts'
import { claimSchema } from '../lib/store/check-server.ts'
import { makeSharedClock, type SharedClock } from '../lib/store/clock.ts'
import { connectRedis, makePulse, type Pulse, redisOptions } from '../lib/store/connect.ts'
import { type Keys, makeKeys, shardNames } from '../lib/store/keys.ts'
import { makePasskeyCopy } from '../lib/store/passkey-copy.ts'
import { makePasskeyStore } from '../lib/store/passkeys.ts'
import { writeRanks } from '../lib/store/ranks.ts'
import { makeRedisStore } from '../lib/store/redis.ts'
import { scriptConnectionOf } from '../lib/store/script-connection.ts'
import { agreeOnSecret } from '../lib/store/secret.ts'
import { makeStatsFlusher } from '../lib/store/stats.ts'
import {
  askSweepPermit,
  isSweepOverdue,
  makeShardSweeper,
  markServed,
  type SweepIntervals,
} from '../lib/store/sweep.ts'
import { makeShardWalker } from '../lib/store/walk.ts'
import { type AccessCheck, privateAccess } from '../lib/swarm/access.ts'
import { INTERVAL_SPREAD, makeAnnouncer } from '../lib/swarm/announce.ts'
import type { SwarmStore } from '../lib/swarm/store.ts'
import type { Role } from './roles.ts'

/** What was started, for the summary. */
export type Started = {
  udp: Listen[]
  http: Listen[]
  api: Listen[]
  health: Listen[]
  /** The API token where it was made just now, and where it is kept. */
  newToken: { token: string; file: string } | undefined
}

/** Nothing, for a start. */
export const NOTHING_STARTED: Started = { udp: [], http: [], api: [], health: [], newToken: undefined }

const FLUSH_EVERY_MS = 1000
const MARK_EVERY_MS = 1000
const BEAT_EVERY_MS = 1000
/** A passkey that nobody could tell of counts after this time all the same. */
const REFRESH_EVERY_MS = 1000
const SYNCHRONIZE_EVERY_MS = 30_000

/** What all roles share. Time and chance enter the program here and nowhere else. */
export type Parts = {
  settings: Settings
  redisUrl: string
  redis: Redis
  pulse: Pulse
  keys: Keys
  clock: SharedClock
  /** Milliseconds since the epoch, by this machine's clock. */
  ownNowMs: () => number
  counters: Counters
  log: Logger
  lifecycle: Lifecycle
  repeat: Repeat
  sharesPorts: boolean
}

/**
 * Builds the roles asked for on a Redis and starts them; each registers how it is stopped. What only one role needs is
 * loaded with that role: a frontend is to serve at once, and Fastify, BullMQ and the API's schemas take longer than the rest.
 */
export async function startRoles({
  settings,
  redisUrl,
  roles,
  sharesPorts = false,
  elsewhere = {},
  log,
  lifecycle,
}: {
  settings: Settings
  redisUrl: string
  roles: readonly Role[]
  /** Whether other processes have the same role on the same ports. */
  sharesPorts?: boolean
  /** What runs in processes of its own beside these roles. */
  elsewhere?: Partial<Pick<Started, 'udp' | 'http'>>
  log: Logger
  lifecycle: Lifecycle
}): Promise<Started> {
  const redis = await connectRedis(redisUrl, log)
  lifecycle.onStop('Redis connection', () => redis.disconnect())
  const pulse = makePulse(redis)
  const repeat = makeRepeat(lifecycle, log)
  repeat(BEAT_EVERY_MS, pulse.beat)
  const keys = makeKeys(settings.keyPrefix)
  await claimSchema(redis, keys.schema)
  const clock = makeSharedClock(redis, Date.now)
  await clock.synchronize()
  repeat(SYNCHRONIZE_EVERY_MS, clock.synchronize)
  redis.on('ready', () => void clock.synchronize().catch(() => {}))
  const parts: Parts = {
    settings,
    redisUrl,
    redis,
    pulse,
    keys,
    clock,
    ownNowMs: Date.now,
    counters: makeCounters(),
    log,
    lifecycle,
    repeat,
    sharesPorts,
  }
  const started: Started = { ...NOTHING_STARTED, ...elsewhere }
  // The sweeper comes first and goes last: it does nothing that a client sees.
  if (roles.includes('sweeper')) await startSweeper(parts)
  const api = roles.includes('api') ? await import('./compose-api.ts') : undefined
  if (api) Object.assign(started, await api.startApi(parts))
  if (roles.includes('http') || roles.includes('udp')) {
    const store = await startStore(parts)
    const access = settings.isPrivate ? await startAccess(parts) : undefined
    if (roles.includes('http')) started.http = await startHttp(parts, store, access)
    if (roles.includes('udp')) started.udp = await startUdp(parts, store, access)
  }
  // It asks what has started by now.
  if (api) started.health = await api.startHealth(parts, started)
  return started
}

/** Runs a task again and again until the stop. */
type Repeat = (everyMs: number, task: () => Promise<void>) => void

/**
 * A failure is the next run's to make good; that Redis is away is told by its connection. What Redis answers with, a key
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
        if (!isRedisReply(error) || problem === told) return
        told = problem
        log.error({ problem }, 'Redis answers with an error')
      }
    }
    const timer = setInterval(() => void run(), everyMs)
    lifecycle.onStop('timer', () => clearInterval(timer))
  }
}

async function startStore({ settings, redis, keys, counters, log, lifecycle, repeat }: Parts): Promise<SwarmStore> {
  const flush = makeStatsFlusher({ redis, keys, counters, frontendId: randomUUID() })
  lifecycle.onStop('counters', () =>
    flush().catch((error: unknown) =>
      log.warn({ reason: messageOf(error) }, 'what was counted since the last second is lost'),
    ),
  )
  repeat(FLUSH_EVERY_MS, flush)
  repeat(MARK_EVERY_MS, () => markServed(redis, keys, sweepIntervals(settings)))
  await scriptConnectionOf(redis).ready
  repeat(BEAT_EVERY_MS, scriptConnectionOf(redis).beat)
  return makeRedisStore({ redis, keys, policy: settings, random: Math.random, counters, log })
}

/** A private tracker's passkeys, heard of by a connection of their own. */
async function startAccess({ redis, redisUrl, keys, clock, log, lifecycle, repeat }: Parts): Promise<AccessCheck> {
  // That Redis is lost is told by the other connection.
  const subscriber = await connectRedis(redisUrl, log.child({}, { level: 'silent' }))
  lifecycle.onStop('passkeys', () => subscriber.disconnect())
  repeat(BEAT_EVERY_MS, makePulse(subscriber).beat)
  const onProblem = (error: unknown) => log.warn({ reason: messageOf(error) }, 'passkeys could not be read')
  const copy = await makePasskeyCopy({ redis, subscriber, keys, nowS: clock.nowS, onProblem })
  repeat(REFRESH_EVERY_MS, copy.refresh)
  return privateAccess(copy.stateOf)
}

const sweepIntervals = (settings: Settings): SweepIntervals => ({
  sweepIntervalS: settings.sweepIntervalS,
  announceIntervalS: Math.round(settings.announceIntervalS * (1 + INTERVAL_SPREAD)),
})

const announcerOf = (settings: Settings, store: SwarmStore, access: AccessCheck | undefined) =>
  makeAnnouncer({
    store,
    access,
    policy: {
      intervalS: settings.announceIntervalS,
      minIntervalS: settings.announceMinIntervalS,
      numwantDefault: settings.numwantDefault,
      numwantMax: settings.numwantMax,
      peerDetails: settings.peerDetails,
    },
    random: Math.random,
  })

async function startUdp(parts: Parts, store: SwarmStore, access: AccessCheck | undefined): Promise<Listen[]> {
  const [
    { chooseUdpSockets },
    { makeConnectionIds },
    { makeDatagramHandler },
    { makeErrorBudget },
    { startUdpService },
  ] = await Promise.all([
    import('../lib/udp/open-socket.ts'),
    import('../lib/wire/connection-id.ts'),
    import('./udp/datagram.ts'),
    import('./udp/error-budget.ts'),
    import('./udp/service.ts'),
  ])
  const { settings, redis, keys, clock, counters, log, lifecycle, sharesPorts } = parts
  const secret = await agreeOnSecret(redis, keys, settings.secret)
  const handle = makeDatagramHandler({
    announcer: announcerOf(settings, store, access),
    store,
    access,
    connectionIds: makeConnectionIds({ secret, lifetimeS: settings.connectionIdLifetimeS }),
    errorBudget: makeErrorBudget(),
    counters,
    nowS: clock.nowS,
  })
  const service = await startUdpService({
    listens: settings.udpListens,
    sharesPorts,
    handle,
    openSocket: chooseUdpSockets(),
    counters,
    log: log.child({ role: 'udp' }),
  })
  lifecycle.onStop('UDP tracker', service.stop)
  return service.listens
}

async function startHttp(parts: Parts, store: SwarmStore, access: AccessCheck | undefined): Promise<Listen[]> {
  const [{ startHttpServer }, { makeHttpApp }, { makeRequestHandlers }] = await Promise.all([
    import('../lib/http-server.ts'),
    import('./http/app.ts'),
    import('./http/request.ts'),
  ])
  const { settings, pulse, counters, log, lifecycle, sharesPorts } = parts
  const handlers = makeRequestHandlers({ announcer: announcerOf(settings, store, access), store, access, counters })
  const server = await startHttpServer({
    listens: settings.httpListens,
    sharesPorts,
    makeApp: () => makeHttpApp({ ...handlers, isHealthy: pulse.isHealthy }, settings.trustedProxies),
    setting: 'REDSWARM_HTTP_LISTEN',
    log: log.child({ role: 'http' }),
  })
  lifecycle.onStop('HTTP tracker', server.stop)
  return server.listens
}

async function startSweeper(parts: Parts): Promise<void> {
  const [{ rankAll }, { startSweeperService }, { sweepAll }] = await Promise.all([
    import('./sweeper/rank.ts'),
    import('./sweeper/service.ts'),
    import('./sweeper/sweep.ts'),
  ])
  const { settings, redisUrl, redis, keys, clock, log, lifecycle } = parts
  const sweeperLog = log.child({ role: 'sweeper' })
  const sweepShard = makeShardSweeper({
    redis,
    keys,
    peerLifetimeS: settings.peerLifetimeS,
    eventsMax: settings.eventsMax,
  })
  const walkShard = makeShardWalker({ redis, keys })
  const passkeys = makePasskeyStore({ redis, keys })
  const service = await startSweeperService({
    connection: redisOptions(redisUrl),
    prefix: keys.jobs,
    sweepIntervalS: settings.sweepIntervalS,
    async sweep(isStopping) {
      const permit = await askSweepPermit(redis, keys, sweepIntervals(settings))
      if (permit < 1) return { waitsS: -permit }
      return sweepAll({ shards: shardNames(), sweepShard, isStopping, log: sweeperLog })
    },
    isOverdue: () => isSweepOverdue(redis, keys, settings.sweepIntervalS),
    async rank(isStopping) {
      const ranked = await rankAll({
        shards: shardNames(),
        walkShard,
        writeRanks: (by, ranked) => writeRanks(redis, keys, by, ranked),
        isStopping,
      })
      return { ...ranked, passkeysRemoved: await passkeys.removeExpired(clock.nowS(), isStopping) }
    },
    log: sweeperLog,
  })
  lifecycle.onStop('sweeper', service.stop)
}
