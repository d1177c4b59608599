import { messageOf } from '../../../lib/errors.ts'
import { type AwayMasters, findAwayOfSome, type Part, readPart } from '../../../lib/store/away-masters.ts'
import { type Instance, readInstances } from '../../../lib/store/instances.ts'
import { makeRankedListing, type RankedTorrent } from '../../../lib/store/ranked.ts'
import { makeSwarmReader, type Totals } from '../../../lib/store/reader.ts'
import { readServers, type ServerFacts, togetherOf } from '../../../lib/store/server-facts.ts'
import { type CountersAt, type Rates, ratesBetween } from '../operate/rates.ts'
import { readCounters, readNowS } from '../operate/state.ts'
import type { Target } from '../redis.ts'

/** What is known of a tracker at one moment; what was not read yet is undefined. */
export type Sample = {
  nowS: number
  rates: Rates | undefined
  instances: Part<readonly Instance[]>
  /** `without` the masters that were away when they were read. */
  totals: { counts: Totals; without: AwayMasters } | undefined
  server: ServerFacts | undefined
  best: Part<readonly RankedTorrent[]>
  /** The masters of a Cluster that are away: the rest is of the others. */
  awayMasters: AwayMasters['all']
  /** The rest is of before then. */
  away: Away | undefined
}

/** Why Redis does not answer, and since when by this machine's `performance.now`. */
export type Away = { reason: string; sinceMs: number }

/** Rates are those of so many seconds: a frontend flushes its counters every second, so that two would jump. */
const RATES_OVER_S = 5
/** The totals of 4,096 shards take Redis a millisecond and more; the rest of a sample takes it 20 µs. */
const TOTALS_EVERY_MS = 10_000
/** Rankings, and what Redis says of itself. */
const SLOW_EVERY_MS = 5000
const BEST_MAX = 50
const BY = 'seeders'

/** Takes a sample each time it is called; it never fails. */
export type Sampler = () => Promise<Sample>

/** The sampler of a tracker: each kind of data is read as often as its cost allows. */
export function makeSampler(target: Target): Sampler {
  const reader = makeSwarmReader(target)
  const ranked = makeRankedListing(target)
  const history: CountersAt[] = []
  const last: Sample = { ...NOTHING, nowS: target.nowS }
  let lostBy = 'the connection is lost'
  target.redis.on('error', (error) => {
    lostBy = messageOf(error)
  })
  const isTotalsDue = every(TOTALS_EVERY_MS)
  const isSlowDue = every(SLOW_EVERY_MS)

  // Counted before an outage, they would give rates over all of it.
  const forgetRates = (): undefined => {
    history.length = 0
  }
  const ratesTo = (now: CountersAt): Rates | undefined => {
    history.push(now)
    while (history.length > 2 && now.atS - (history[1]?.atS ?? 0) >= RATES_OVER_S) history.shift()
    const [before] = history
    return before && before !== now ? ratesBetween(before, now) : undefined
  }

  const readAll = async (): Promise<void> => {
    const { redis, keys } = target
    const away = await findAwayOfSome(redis, keys)
    last.awayMasters = away.all
    const [now, instances] = await Promise.all([
      readCounters(target, away),
      readPart(redis, away, keys.instances, (node) => readInstances(node, keys)),
    ])
    last.rates = now === 'away' ? forgetRates() : ratesTo(now)
    last.nowS = now === 'away' ? await readNowS(redis) : now.atS
    last.instances = instances
    if (isTotalsDue()) last.totals = { counts: await reader.totals(away), without: away }
    if (isSlowDue()) {
      const [servers, page] = await Promise.all([
        readServers(redis, away),
        readPart(redis, away, keys.ranks(BY), () => ranked({ by: BY, order: 'desc', limit: BEST_MAX, away })),
      ])
      last.server = togetherOf(servers)
      last.best = page === 'away' ? page : page.torrents
    }
  }

  return async () => {
    try {
      await readAll()
      last.away = undefined
    } catch (error) {
      last.rates = forgetRates()
      const reason = target.redis.status === 'ready' ? messageOf(error) : lostBy
      last.away = { reason, sinceMs: last.away?.sinceMs ?? performance.now() }
    }
    return { ...last }
  }
}

const NOTHING: Sample = {
  ...{ nowS: 0, rates: undefined, instances: [], totals: undefined, server: undefined, best: [], away: undefined },
  awayMasters: [],
}

/** Says yes at once, and again after so long. */
function every(ms: number): () => boolean {
  let dueMs = Number.NEGATIVE_INFINITY
  return () => {
    const nowMs = performance.now()
    if (nowMs < dueMs) return false
    dueMs = nowMs + ms
    return true
  }
}
