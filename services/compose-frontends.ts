import type { Listen } from '../lib/config/listen.ts'
import { messageOf } from '../lib/errors.ts'
import { makeBanCopy } from '../lib/store/ban-copy.ts'
import { makeBanStore } from '../lib/store/bans.ts'
import { connectRedis } from '../lib/store/connect.ts'
import { makePasskeyCopy } from '../lib/store/passkey-copy.ts'
import { makePulse } from '../lib/store/pulse.ts'
import { makeRedisStore } from '../lib/store/redis.ts'
import { agreeOnSecret } from '../lib/store/secret.ts'
import { makeStatsFlusher } from '../lib/store/stats.ts'
import { markServed } from '../lib/store/sweep.ts'
import { type AccessCheck, privateAccess } from '../lib/swarm/access.ts'
import { makeAnnouncer } from '../lib/swarm/announce.ts'
import type { BanCheck } from '../lib/swarm/bans.ts'
import type { SwarmStore } from '../lib/swarm/store.ts'
import { frontendMetrics } from './metrics/frontend.ts'
import { EVERY_SECOND_MS, type Parts, type Started, sweepIntervals } from './parts.ts'
import type { Role } from './roles.ts'

/** Whom the frontends of a process serve, and from where. */
type Served = { store: SwarmStore; access: AccessCheck | undefined; isBanned: BanCheck }

/** Builds the frontends among some roles, on one store, and starts them. */
export async function startFrontends(
  parts: Parts,
  roles: readonly Role[],
): Promise<Partial<Pick<Started, 'udp' | 'http'>>> {
  const store = await startStore(parts)
  const access = parts.settings.isPrivate ? await startAccess(parts) : undefined
  const served: Served = { store, access, isBanned: await startBans(parts) }
  return {
    ...(roles.includes('http') && { http: await startHttp(parts, served) }),
    ...(roles.includes('udp') && { udp: await startUdp(parts, served) }),
  }
}

async function startStore(parts: Parts): Promise<SwarmStore> {
  const { settings, instanceId, redis, keys, random, counters, measures, metricSources, log, lifecycle, repeat } = parts
  const flush = makeStatsFlusher({ redis, keys, counters, frontendId: instanceId })
  lifecycle.onStop('counters', () =>
    flush().catch((error: unknown) =>
      log.warn({ reason: messageOf(error) }, 'what was counted since the last second is lost'),
    ),
  )
  repeat(EVERY_SECOND_MS, flush)
  repeat(EVERY_SECOND_MS, () => markServed(redis, keys, sweepIntervals(settings)))
  const store = makeRedisStore({ redis, keys, policy: settings, random, counters, measures, log })
  await store.ready
  metricSources.push(...frontendMetrics({ counters, measures, waiting: store.waiting }))
  return store
}

/** A private tracker's passkeys, heard of by a connection of their own. */
async function startAccess({ redis, redisUrl, keys, clock, log, lifecycle, repeat }: Parts): Promise<AccessCheck> {
  const subscriber = await connectRedis(redisUrl, log.child({}, { level: 'silent' }))
  lifecycle.onStop('passkeys', () => subscriber.disconnect())
  // That Redis is lost is told by the other connection.
  repeat(EVERY_SECOND_MS, makePulse(subscriber, log.child({}, { level: 'silent' })).beat)
  const onProblem = (error: unknown) => log.warn({ reason: messageOf(error) }, 'passkeys could not be read')
  const copy = await makePasskeyCopy({ redis, subscriber, keys, nowS: clock.nowS, onProblem })
  // A passkey that nobody could tell of counts after this time all the same.
  repeat(EVERY_SECOND_MS, copy.refresh)
  return privateAccess(copy.stateOf)
}

/** Frontends know of a ban, or its end, within a second. */
const BANS_EVERY_MS = 500

async function startBans({ redis, keys, clock, repeat }: Parts): Promise<BanCheck> {
  const { isBanned, refresh } = await makeBanCopy(makeBanStore({ redis, keys }), clock.nowS)
  repeat(BANS_EVERY_MS, refresh)
  return isBanned
}

const announcerOf = ({ settings, random }: Parts, { store, access }: Served) =>
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
    random,
  })

async function startUdp(parts: Parts, served: Served): Promise<Listen[]> {
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
  const { settings, redis, keys, clock, counters, measures, log, lifecycle, sharesPorts } = parts
  const secret = await agreeOnSecret(redis, keys, settings.secret)
  const handle = makeDatagramHandler({
    announcer: announcerOf(parts, served),
    ...served,
    connectionIds: makeConnectionIds({ secret, lifetimeS: settings.connectionIdLifetimeS }),
    errorBudget: makeErrorBudget(),
    counters,
    measures,
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

async function startHttp(parts: Parts, served: Served): Promise<Listen[]> {
  const [{ startHttpServer }, { makeHttpApp }, { makeRequestHandlers }] = await Promise.all([
    import('../lib/http-server.ts'),
    import('./http/app.ts'),
    import('./http/request.ts'),
  ])
  const { settings, pulse, random, counters, measures, log, lifecycle, sharesPorts } = parts
  const handlers = makeRequestHandlers({
    announcer: announcerOf(parts, served),
    ...served,
    random,
    counters,
    measures,
  })
  const server = await startHttpServer({
    listens: settings.httpListens,
    sharesPorts,
    makeApp: () =>
      makeHttpApp({ ...handlers, isHealthy: () => pulse.problem() === undefined }, settings.trustedProxies),
    setting: 'REDSWARM_HTTP_LISTEN',
    log: log.child({ role: 'http' }),
  })
  lifecycle.onStop('HTTP tracker', server.stop)
  return server.listens
}
