import type { Listen } from '../lib/config/listen.ts'
import { messageOf } from '../lib/errors.ts'
import { startHttpServer } from '../lib/http-server.ts'
import { seedFrom } from '../lib/random.ts'
import { makeAccountReader } from '../lib/store/accounts.ts'
import { findAwayOfSome, readPart } from '../lib/store/away-masters.ts'
import { makeBanList, makeBanReader } from '../lib/store/bans.ts'
import { makeClientList, makeClientReader } from '../lib/store/clients.ts'
import { connectRedis } from '../lib/store/connect.ts'
import { makeDeniedList, makeDeniedReader } from '../lib/store/denied.ts'
import { type EventFeed, makeEventFeed, readEventsBefore } from '../lib/store/events.ts'
import { readInstances } from '../lib/store/instances.ts'
import type { List } from '../lib/store/list.ts'
import { type ListReader, makeLazyCopy } from '../lib/store/list-copy.ts'
import { makeListing } from '../lib/store/listing.ts'
import { makePasskey, makePasskeyStore } from '../lib/store/passkeys.ts'
import { makePeerPages } from '../lib/store/peer-pages.ts'
import { makeRankedListing } from '../lib/store/ranked.ts'
import { makeSwarmReader } from '../lib/store/reader.ts'
import { readServers } from '../lib/store/server-facts.ts'
import { readStats } from '../lib/store/stats.ts'
import { makeWhitelist } from '../lib/store/whitelist.ts'
import { makeNetworkCheck } from '../lib/wire/network-table.ts'
import { ACCOUNT_READERS_MAX } from './api/accounts.ts'
import { makeApiApp } from './api/app.ts'
import { makeAttempts } from './api/attempts.ts'
import { allTokens, loadApiToken } from './api/token.ts'
import type { About } from './api/v2/context.ts'
import { READERS_MAX } from './api/v2/events.ts'
import { EXPORTS_MAX } from './api/v2/export.ts'
import { LIVE_READERS_MAX } from './api/v2/live.ts'
import { type LiveFeed, makeLiveFeed } from './api/v2/live-feed.ts'
import { makeLiveReader } from './api/v2/live-snapshot.ts'
import { makeSlots } from './api/v2/slots.ts'
import { makeHealthApp } from './health/app.ts'
import { checkService } from './health/checks.ts'
import type { Parts, Started } from './parts.ts'

/** Events that live figures have: as many as one looks at. */
const LIVE_EVENTS_MAX = 10

/** Builds the REST API and starts it. */
export async function startApi(parts: Parts): Promise<Pick<Started, 'api' | 'newToken'>> {
  const { settings, redis, pulse, keys, clock, ownNowMs, uptimeMs, random, log, lifecycle } = parts
  const own = await loadApiToken(settings.apiToken, settings.dataDir)
  const apiLog = log.child({ role: 'api' })
  const listing = makeListing({ redis, keys })
  const context = {
    reader: makeSwarmReader({ redis, keys }),
    listing,
    whitelist: makeWhitelist({ redis, keys }),
    passkeys: makePasskeyStore({ redis, keys }),
    makePasskey,
    bans: keptList(parts, makeBanList(parts), () => makeBanReader(asTheyAre)),
    denied: keptList(parts, makeDeniedList(parts), () => makeDeniedReader(asTheyAre)),
    clients: keptList(parts, makeClientList(parts), () => makeClientReader(asTheyAre)),
    accounts: makeAccountReader({ redis, keys }),
    accountSlots: makeSlots(ACCOUNT_READERS_MAX),
    stats: () => readStats(redis, keys),
    isHealthy: () => pulse.problem() === undefined,
    tokens: allTokens(own, settings.apiTokens),
    attempts: makeAttempts({
      isExempt: makeNetworkCheck(settings.limits.exempt),
      nowS: () => uptimeMs() / 1000,
      seed: seedFrom(random),
      log: apiLog,
    }),
    isProxy: makeNetworkCheck(settings.trustedProxies),
    nowMs: ownNowMs,
    uptimeMs,
    nowS: clock.nowS,
    log: apiLog,
    v2: {
      torrents: listing,
      ranked: makeRankedListing({ redis, keys }),
      peerPages: makePeerPages({ redis, keys }),
      events: settings.eventsMax > 0 ? startEventFeed(parts) : undefined,
      eventsBefore: (page: Parameters<typeof readEventsBefore>[2]) => readEventsBefore(redis, keys, page),
      instances: () => readInstances(redis, keys),
      live: startLiveFeed(parts),
      about: aboutOf(parts),
      exportSlots: makeSlots(EXPORTS_MAX),
      readerSlots: makeSlots(READERS_MAX),
      liveSlots: makeSlots(LIVE_READERS_MAX),
    },
  }
  const server = await startHttpServer({
    listens: settings.apiListens,
    makeApp: () => makeApiApp(context),
    setting: 'REDSWARM_API_LISTEN',
    log: apiLog,
  })
  lifecycle.onStop('API', server.stop)
  const { token, isNew, file } = own
  return { api: server.listens, newToken: isNew && file !== undefined ? { token, file } : undefined }
}

const asTheyAre = <Rows>(rows: Rows): Rows => rows

/** A list with a copy of it, so that a page is not a reading of all. */
function keptList<Rows>({ redis }: Parts, list: List, makeReader: () => ListReader<Rows>) {
  const { read, forget } = makeLazyCopy(list, makeReader)
  redis.on('ready', forget)
  return { ...list, read }
}

/** The stream of events, on a connection of its own that is made when somebody listens. */
function startEventFeed({ redis, redisUrl, keys, log, lifecycle }: Parts): EventFeed {
  const feed = makeEventFeed({
    redis,
    keys,
    // That Redis is lost is told by the other connection.
    connect: () => connectRedis(redisUrl),
    onProblem: (error) => log.debug({ reason: messageOf(error) }, 'events could not be read'),
  })
  lifecycle.onStop('events', feed.stop)
  return feed
}

/** What the tracker does now; nothing is read before somebody asks. */
function startLiveFeed({ redis, keys, clock, lifecycle }: Parts): LiveFeed {
  const feed = makeLiveFeed(
    makeLiveReader({
      away: () => findAwayOfSome(redis, keys),
      counters: (away) => readPart(redis, away, keys.stats, (node) => readStats(node, keys)),
      totals: makeSwarmReader({ redis, keys }).totals,
      instances: (away) => readPart(redis, away, keys.instances, (node) => readInstances(node, keys)),
      servers: (away) => readServers(redis, away),
      events: (away) =>
        readPart(
          redis,
          away,
          keys.events,
          async (node) => (await readEventsBefore(node, keys, { limit: LIVE_EVENTS_MAX })).events,
        ),
      nowS: clock.nowS,
    }),
  )
  lifecycle.onStop('live figures', feed.stop)
  return feed
}

const aboutOf = ({ settings, version }: Parts): About => ({
  ...{ version, isListed: settings.listed, isPrivate: settings.isPrivate, hasPeerDetails: settings.peerDetails },
  ...{ hasEvents: settings.eventsMax > 0, announceIntervalS: settings.announceIntervalS },
  peerLifetimeS: settings.peerLifetimeS,
})

/** Builds the health service, which asks all that was started, and starts it. */
export async function startHealth(
  { settings, log, lifecycle }: Parts,
  { udp, http, api }: Pick<Started, 'udp' | 'http' | 'api'>,
): Promise<Listen[]> {
  const checkAll = () =>
    Promise.all([
      ...udp.map((listen) => checkService('udp', listen)),
      ...http.map((listen) => checkService('http', listen)),
      ...api.map((listen) => checkService('api', listen)),
    ])
  const server = await startHttpServer({
    listens: settings.healthListens,
    makeApp: () => makeHealthApp(checkAll),
    setting: 'REDSWARM_HEALTH_LISTEN',
    log: log.child({ role: 'health' }),
  })
  lifecycle.onStop('health service', server.stop)
  return server.listens
}
