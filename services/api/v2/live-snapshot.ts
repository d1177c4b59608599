import type { Counters } from '../../../lib/observe/counters.ts'
import type { TorrentEvent } from '../../../lib/store/events.ts'
import type { Instance } from '../../../lib/store/instances.ts'
import type { Totals } from '../../../lib/store/reader.ts'
import type { RedisHealth } from '../../../lib/store/redis-health.ts'
import { faultOf } from '../errors.ts'
import { assertCounts } from '../reading.ts'
import { instanceBodies } from './instances.ts'
import { redisBody, type Snapshot } from './live-schemas.ts'
import { makeRates, type Rates } from './rates.ts'
import { eventBody } from './recent-events.ts'

/** Totals are read so often at most: they are in 4,096 hashes, and take Redis 4 ms in all, 0.3 ms at a time. */
const TOTALS_EVERY_S = 10

/** What snapshots are read from. */
export type LiveSources = {
  counters: () => Promise<Counters>
  totals: () => Promise<Totals>
  instances: () => Promise<Instance[]>
  health: () => Promise<RedisHealth>
  /** The last events, the newest first. */
  events: () => Promise<TorrentEvent[]>
  /** Seconds since the epoch, by the clock that all frontends share. */
  nowS: () => number
}

/** Reads all that a reader is told, or only the rates, so that their history goes on. */
export type LiveReader = {
  snapshot: () => Promise<Snapshot>
  rates: () => Promise<Pick<Snapshot, 'at' | 'rates'>>
}

/** Reads a part; where that fails, it is null, and why is kept. */
type ReadPart = <T>(read: () => Promise<T>) => Promise<T | null>

/** The reader of snapshots. A part that cannot be read leaves the others as they are. */
export function makeLiveReader({ counters, totals, instances, health, events, nowS }: LiveSources): LiveReader {
  const rate = makeRates()
  const cpuOf = makeCpuMeter()
  let kept: NonNullable<Snapshot['totals']> | undefined

  const readRates = async (): Promise<Rates | undefined> => {
    const now = await counters()
    assertCounts(now)
    return rate({ atMs: nowS() * 1000, counters: now })
  }
  const readTotals = async (): Promise<NonNullable<Snapshot['totals']>> => {
    if (kept && Math.abs(nowS() - kept.at) < TOTALS_EVERY_S) return kept
    const at = Math.floor(nowS())
    const now = await totals()
    assertCounts(now)
    kept = { ...now, at }
    return kept
  }
  const readHealth = async (): Promise<NonNullable<Snapshot['redis']>> => {
    const now = await health()
    return redisBody(now, cpuOf(now.cpuUs, nowS()))
  }
  const readInstances = async () => instanceBodies(await instances(), nowS())
  const readEvents = async () => (await events()).map(eventBody)

  return {
    async snapshot() {
      const problems = new Set<string>()
      const part: ReadPart = (read) =>
        read().catch((error: Error) => {
          problems.add(faultOf(error).message)
          return null
        })
      const [redis, rates, told, happened, counts] = await Promise.all([
        part(readHealth),
        part(readRates),
        part(readInstances),
        part(readEvents),
        part(readTotals),
      ])
      return {
        at: Math.round(nowS() * 1000),
        problem: problems.size > 0 ? [...problems].join('; ') : null,
        ...{ redis, rates: rates ?? null, totals: counts, instances: told, events: happened },
      }
    },
    async rates() {
      const rates = await readRates().catch(() => undefined)
      return { at: Math.round(nowS() * 1000), rates: rates ?? null }
    },
  }
}

/** CPU in cores between one reading and the next. */
function makeCpuMeter(): (cpuUs: number | undefined, atS: number) => number | undefined {
  let last: { cpuUs: number | undefined; atS: number } = { cpuUs: undefined, atS: 0 }
  return (cpuUs, atS) => {
    const before = last
    last = { cpuUs, atS }
    if (cpuUs === undefined || before.cpuUs === undefined || cpuUs < before.cpuUs || atS <= before.atS) return undefined
    return Number(((cpuUs - before.cpuUs) / 1e6 / (atS - before.atS)).toFixed(3))
  }
}
