import { toEndpoint } from '../../lib/wire/endpoint.ts'
import type { InfoHash } from '../../lib/wire/info-hash.ts'
import { type Asker, makeHttpAsker, makeUdpAsker, NUMWANT, type Patience, type Place, type Reply } from './asker.ts'
import { type ExpectedPeer, ExpectedSwarm, type PeerState } from './expected.ts'
import { isClearRefusal } from './refusals.ts'

/** Over what a peer speaks to trackers. */
const WAYS = ['udp4', 'udp4', 'udp6', 'http4', 'http6'] as const
export type Way = (typeof WAYS)[number]

/** What became of a request; times are of this process's clock. */
export type Outcome = { outcome: 'answered' | 'refused' | 'lost' | 'wrong'; why: string }

/** A swarm that all its peers are played of by one, one request after another. */
export type Actor = {
  infoHash: InfoHash
  swarm: ExpectedSwarm
  /** Makes one request of one of the peers; undefined where none is due. */
  step: () => { place: Place; way: Way; done: Promise<Outcome> } | undefined
  close: () => void
}

/** How a swarm is played. */
export type Play = {
  /** Peers that announce once, and must be there from then on. */
  quiet: number
  /** Peers that come, announce again and again, complete, and stop, at most at a time. */
  activeMax: number
  /** A peer rests for so long after each request: a datagram of it may be on its way still. */
  restMs: number
  /** Milliseconds after which a peer that is silent may be evicted. */
  lifetimeMs: number
}

type Live = { peer: ExpectedPeer; port: number; way: Way; isSeeder: boolean; askedMs: number }

const PORT_MIN = 1024
const ACTIVE_MIN = 2
/** Of a hundred steps so many at most bring a peer, take one away, complete one, and scrape. */
const [JOINS, STOPS, COMPLETES, SCRAPES] = [15, 7, 8, 12]

/** Plays a swarm whose peers are at `address` and at ::1; `placeOf` draws the frontend for a request. */
export function makeActor(
  { infoHash, address, play, patience }: { infoHash: InfoHash; address: string; play: Play; patience: Patience },
  { random, placeOf }: { random: () => number; placeOf: (random: () => number) => Place },
): Actor {
  const swarm = new ExpectedSwarm(play.lifetimeMs)
  const askers = new Map<string, Asker>()
  const askerOf = (place: Place, way: Way): Asker => {
    const key = `${place.name} ${way}`
    const family = way.endsWith('6') ? 6 : 4
    const make = way.startsWith('udp') ? makeUdpAsker : makeHttpAsker
    const asker = askers.get(key) ?? make(place, family, family === 6 ? '::1' : address, patience)
    askers.set(key, asker)
    return asker
  }
  const active: Live[] = []
  let [quiet, port] = [0, PORT_MIN]
  const anyOf = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T

  const bring = (): Live => {
    const way = anyOf(WAYS)
    const endpoint = toEndpoint(way.endsWith('6') ? '::1' : address, ++port) as Buffer
    return { peer: swarm.peer(endpoint.toString('hex')), port, way, isSeeder: random() < 0.4, askedMs: 0 }
  }

  const announce = async (place: Place, live: Live, event: 'started' | 'none' | 'completed' | 'stopped') => {
    const { peer, isSeeder, way } = live
    const sentMs = performance.now()
    const reply = await askerOf(place, way).announce({ infoHash, port: live.port, isSeeder, event })
    const nowMs = performance.now()
    live.askedMs = nowMs
    const role: PeerState = isSeeder ? 'seeder' : 'leecher'
    const state = event === 'stopped' ? 'absent' : role
    const isAnswered = reply.kind === 'announced'
    if (isAnswered) swarm.answered(peer, state, { sentMs, nowMs })
    else swarm.unanswered(peer, state, nowMs)
    if (event === 'completed') swarm.toldCompleted(peer, isAnswered, nowMs)
    return outcomeOf(reply, (atMs) =>
      reply.kind === 'announced' && event !== 'stopped'
        ? swarm.problemOf(reply.told, peer, { as: role, numwant: NUMWANT, nowMs: atMs })
        : undefined,
    )
  }

  const scrape = async (place: Place, way: Way) => {
    const reply = await askerOf(place, way).scrape(infoHash)
    return outcomeOf(reply, (nowMs) =>
      reply.kind === 'scraped' ? swarm.problemOfCounts(reply.counts, nowMs) : undefined,
    )
  }

  return {
    infoHash,
    swarm,
    step() {
      const place = placeOf(random)
      const of = (live: Live, event: Parameters<typeof announce>[2]) => ({
        ...{ place, way: live.way },
        done: announce(place, live, event),
      })
      if (quiet < play.quiet) {
        quiet += 1
        return of(bring(), 'started')
      }
      const draw = Math.floor(random() * 100)
      if (active.length < ACTIVE_MIN || (draw < JOINS && active.length < play.activeMax)) {
        const live = bring()
        active.push(live)
        return of(live, 'started')
      }
      if (draw >= 100 - SCRAPES) {
        const way = anyOf(WAYS)
        return { place, way, done: scrape(place, way) }
      }
      const rested = active.filter(({ askedMs }) => askedMs < performance.now() - play.restMs)
      const [oldest] = rested.sort((a, b) => a.askedMs - b.askedMs)
      if (!oldest) return undefined
      if (draw < JOINS + STOPS) {
        active.splice(active.indexOf(oldest), 1)
        return of(oldest, 'stopped')
      }
      if (draw < JOINS + STOPS + COMPLETES && !oldest.isSeeder) {
        oldest.isSeeder = true
        return of(oldest, 'completed')
      }
      return of(oldest, 'none')
    },
    close() {
      for (const asker of askers.values()) asker.close()
    },
  }
}

function outcomeOf(reply: Reply, problemAt: (nowMs: number) => string | undefined): Outcome {
  if (reply.kind === 'lost') return { outcome: 'lost', why: reply.why }
  if (reply.kind === 'broken') return { outcome: 'wrong', why: reply.why }
  if (reply.kind === 'refused') {
    return { outcome: isClearRefusal(reply.why) ? 'refused' : 'wrong', why: reply.why }
  }
  const problem = problemAt(performance.now())
  return problem === undefined ? { outcome: 'answered', why: '' } : { outcome: 'wrong', why: problem }
}
