import type { Listen } from '../lib/config/listen.ts'
import { messageOf } from '../lib/errors.ts'
import { seedFrom } from '../lib/random.ts'
import { connectRedis } from '../lib/store/connect.ts'
import { makePasskeyCopy } from '../lib/store/passkey-copy.ts'
import { makePulse } from '../lib/store/pulse.ts'
import { makeRedisStore } from '../lib/store/redis.ts'
import { agreeOnSecret } from '../lib/store/secret.ts'
import { makeStatsFlusher } from '../lib/store/stats.ts'
import { markServed } from '../lib/store/sweep.ts'
import { type AccessCheck, privateAccess } from '../lib/swarm/access.ts'
import type { AddressRates } from '../lib/swarm/address-rates.ts'
import type { Admission } from '../lib/swarm/admission.ts'
import { type Announcer, makeAnnouncer } from '../lib/swarm/announce.ts'
import type { AnnounceInterval } from '../lib/swarm/announce-interval.ts'
import type { BanCheck } from '../lib/swarm/bans.ts'
import { withoutDenied } from '../lib/swarm/denied.ts'
import { addressAdmission } from '../lib/swarm/peer-address.ts'
import type { SwarmStore } from '../lib/swarm/store.ts'
import type { Endpoint } from '../lib/wire/endpoint.ts'
import { makeNetworkCheck } from '../lib/wire/network-table.ts'
import { type AddressLimits, startAddressLimits, startAnnounceInterval } from './compose-limits.ts'
import { startLists } from './compose-lists.ts'
import { connectionsMetric, frontendMetrics } from './metrics/frontend.ts'
import { EVERY_SECOND_MS, type Parts, type Started, sweepIntervals } from './parts.ts'
import type { Role } from './roles.ts'

/** Whom the frontends of a process serve, how, and from where: one for all of them. */
type Served = {
  store: SwarmStore
  announcer: Announcer
  access: AccessCheck | undefined
  isBanned: BanCheck
  mayNameAddress: (sender: Endpoint) => boolean
  rates: AddressRates
}

/** Builds the frontends among some roles, on one store, and starts them. */
export async function startFrontends(
  parts: Parts,
  roles: readonly Role[],
): Promise<Partial<Pick<Started, 'udp' | 'http'>>> {
  const interval = startAnnounceInterval(parts)
  const store = await startStore(parts, interval)
  const access = parts.settings.isPrivate ? await startAccess(parts) : undefined
  const { isBanned, isDenied, admissions: ofLists } = await startLists(parts)
  const { limits } = parts.settings
  const admissions = [addressAdmission({ ...limits, isBanned }), ...ofLists]
  const addressLimits = startAddressLimits(parts)
  const served: Served = {
    store: { ...store, scrape: withoutDenied(store.scrape, isDenied) },
    announcer: announcerOf(parts, { store, access, admissions, interval, ...addressLimits }),
    access,
    isBanned,
    mayNameAddress: makeNetworkCheck(limits.clientIpFrom),
    rates: addressLimits.rates,
  }
  return {
    ...(roles.includes('http') && { http: await startHttp(parts, served) }),
    ...(roles.includes('udp') && { udp: await startUdp(parts, served) }),
  }
}

async function startStore(parts: Parts, interval: AnnounceInterval): Promise<SwarmStore> {
  const { settings, instanceId, redis, keys, random, counters, measures, metricSources, log, lifecycle, repeat } = parts
  const flush = makeStatsFlusher({ redis, keys, counters, frontendId: instanceId })
  lifecycle.onStop('counters', () =>
    flush().catch((error: unknown) =>
      log.warn({ reason: messageOf(error) }, 'what was counted since the last second is lost'),
    ),
  )
  repeat(EVERY_SECOND_MS, flush)
  repeat(EVERY_SECOND_MS, () => markServed(redis, keys, sweepIntervals(settings)))
  const policy = { ...settings, swarmPeersMax: settings.limits.swarmPeersMax }
  const store = makeRedisStore({ redis, keys, policy, random, counters, measures, log })
  await store.ready
  metricSources.push(...frontendMetrics({ counters, measures, waiting: store.waiting, intervalS: interval.nowS }))
  return store
}

/** A private tracker's passkeys, heard of by a connection of their own. */
async function startAccess({ redis, redisUrl, keys, clock, log, lifecycle, repeat }: Parts): Promise<AccessCheck> {
  const subscriber = await connectRedis(redisUrl)
  lifecycle.onStop('passkeys', () => subscriber.disconnect())
  // That Redis is lost is told by the other connection.
  repeat(EVERY_SECOND_MS, makePulse(subscriber, log.child({}, { level: 'silent' })).beat)
  const onProblem = (error: unknown) => log.warn({ reason: messageOf(error) }, 'passkeys could not be read')
  const copy = await makePasskeyCopy({ redis, subscriber, keys, nowS: clock.nowS, onProblem })
  // A passkey that nobody could tell of counts after this time all the same.
  repeat(EVERY_SECOND_MS, copy.refresh)
  return privateAccess(copy.stateOf)
}

const announcerOf = (
  { settings, random }: Parts,
  {
    store,
    access,
    admissions,
    interval,
    earlyAnnounces,
    torrentLimits,
  }: Pick<Served, 'store' | 'access'> & {
    admissions: readonly Admission[]
    interval: AnnounceInterval
  } & Omit<AddressLimits, 'rates'>,
): Announcer =>
  makeAnnouncer({
    store,
    access,
    admissions,
    earlyAnnounces,
    torrentLimits,
    policy: {
      intervalS: interval.nowS,
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
    { behindProxies },
    { makeDatagramHandler },
    { makeErrorBudget },
    { startUdpService },
  ] = await Promise.all([
    import('../lib/udp/open-socket.ts'),
    import('../lib/wire/connection-id.ts'),
    import('./udp/behind-proxies.ts'),
    import('./udp/datagram.ts'),
    import('./udp/error-budget.ts'),
    import('./udp/service.ts'),
  ])
  const { settings, redis, keys, clock, random, counters, measures, log, lifecycle, sharesPorts } = parts
  const secret = await agreeOnSecret(redis, keys, settings.secret)
  const handle = makeDatagramHandler({
    ...served,
    connectionIds: makeConnectionIds({ secret, lifetimeS: settings.connectionIdLifetimeS }),
    errorBudget: makeErrorBudget(seedFrom(random)),
    counters,
    measures,
    nowS: clock.nowS,
  })
  // Most trackers have no proxy before them, and need not look for one.
  const { trustedProxies } = settings
  const isProxy = makeNetworkCheck(trustedProxies)
  const service = await startUdpService({
    listens: settings.udpListens,
    sharesPorts,
    handle: trustedProxies.length > 0 ? behindProxies(handle, { isProxy, counters }) : handle,
    openSocket: chooseUdpSockets(),
    counters,
    log: log.child({ role: 'udp' }),
  })
  lifecycle.onStop('UDP tracker', service.stop)
  return service.listens
}

async function startHttp(parts: Parts, served: Served): Promise<Listen[]> {
  const [
    { startHttpServer },
    { makeHttpApp },
    { makeConnections },
    { connectionsThatFit, openFilesMax },
    { makeRequestHandlers },
  ] = await Promise.all([
    import('../lib/http-server.ts'),
    import('./http/app.ts'),
    import('./http/connections.ts'),
    import('./http/open-files.ts'),
    import('./http/request.ts'),
  ])
  const { settings, pulse, clock, random, counters, measures, lifecycle, sharesPorts, uptimeMs } = parts
  const { limits, trustedProxies } = settings
  const log = parts.log.child({ role: 'http' })
  const handlers = makeRequestHandlers({
    ...served,
    random,
    counters,
    measures,
    nowS: clock.nowS,
  })
  const connections = makeConnections({
    connectionsMax: connectionsThatFit(limits.httpConnectionsMax, openFilesMax(), log),
    perAddressMax: limits.httpConnectionsPerAddress,
    isExempt: makeNetworkCheck([...limits.exempt, ...trustedProxies]),
    counters,
    nowMs: uptimeMs,
    log,
  })
  parts.metricSources.push(connectionsMetric(connections.open))
  const server = await startHttpServer({
    listens: settings.httpListens,
    sharesPorts,
    makeApp: () =>
      makeHttpApp(
        { ...handlers, isHealthy: () => pulse.problem() === undefined },
        { trustedProxies, counters, connections },
      ),
    setting: 'REDSWARM_HTTP_LISTEN',
    log,
  })
  lifecycle.onStop('HTTP tracker', server.stop)
  return server.listens
}
