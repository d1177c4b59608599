import type { Counters } from '../../../lib/observe/counters.ts'
import { type AwayMasters, awayText, type Part } from '../../../lib/store/away-masters.ts'
import type { TorrentEvent } from '../../../lib/store/events.ts'
import type { Instance } from '../../../lib/store/instances.ts'
import type { Totals } from '../../../lib/store/reader.ts'
import { type Server, togetherOf } from '../../../lib/store/server-facts.ts'
import { faultOf } from '../errors.ts'
import { assertCounts } from '../reading.ts'
import { instanceBodies } from './instances.ts'
import { redisBody, type Snapshot } from './live-schemas.ts'
import { makeRates, type Rates } from './rates.ts'
import { eventBody } from './recent-events.ts'

/** Totals are read so often at most: they are in 4,096 hashes, and take Redis 4 ms in all, 0.3 ms at a time. */
const TOTALS_EVERY_S = 10

/** What snapshots are read from; all but the first leave out what is on masters that are away. */
export type LiveSources = {
  away: () => Promise<AwayMasters>
  counters: (away: AwayMasters) => Promise<Part<Counters>>
  totals: (away: AwayMasters) => Promise<Totals>
  instances: (away: AwayMasters) => Promise<Part<Instance[]>>
  servers: (away: AwayMasters) => Promise<Server[]>
  /** The last events, the newest first. */
  events: (away: AwayMasters) => Promise<Part<TorrentEvent[]>>
  /** Seconds since the epoch, by the clock that all frontends share. */
  nowS: () => number
}

/** Reads all that a reader is told, or only the rates, so that their history goes on. */
export type LiveReader = {
  snapshot: () => Promise<Snapshot>
  rates: () => Promise<Pick<Snapshot, 'at' | 'rates'>>
}

/** Reads a part; where that fails, it is null, and why is kept. */
type ReadPart = <T>(read: (away: AwayMasters) => Promise<Part<T>>) => Promise<T | null>

/** The reader of snapshots. A part that cannot be read leaves the others as they are. */
export function makeLiveReader({ away, counters, totals, instances, servers, events, nowS }: LiveSources): LiveReader {
  const rate = makeRates()
  const cpuOf = makeCpuMeter()
  let kept: NonNullable<Snapshot['totals']> | undefined

  const readRates = async (without: AwayMasters): Promise<Part<Rates | undefined>> => {
    const now = await counters(without)
    if (now === 'away') return now
    assertCounts(now)
    return rate({ atMs: nowS() * 1000, counters: now })
  }
  const readTotals = async (without: AwayMasters): Promise<NonNullable<Snapshot['totals']>> => {
    if (kept && Math.abs(nowS() - kept.at) < TOTALS_EVERY_S) return kept
    const at = Math.floor(nowS())
    const now = await totals(without)
    assertCounts(now)
    kept = { ...now, at, is_whole: without.all.length === 0 }
    return kept
  }
  const readRedis = async (without: AwayMasters): Promise<NonNullable<Snapshot['redis']>> => {
    const there = await servers(without)
    return redisBody(there, without.all, cpuOf(there, nowS()))
  }
  const readInstances = async (without: AwayMasters) => {
    const told = await instances(without)
    return told === 'away' ? told : instanceBodies(told, nowS())
  }
  const readEvents = async (without: AwayMasters) => {
    const last = await events(without)
    return last === 'away' ? last : last.map(eventBody)
  }

  return {
    async snapshot() {
      const problems = new Set<string>()
      const asked = away()
      const part: ReadPart = async (read) => {
        try {
          const found = await read(await asked)
          return found === 'away' ? null : found
        } catch (error) {
          problems.add(faultOf(error as Error).message)
          return null
        }
      }
      const [redis, rates, told, happened, counts] = await Promise.all([
        part(readRedis),
        part(readRates),
        part(readInstances),
        part(readEvents),
        part(readTotals),
      ])
      const { all } = await asked.catch(() => ({ all: [] }))
      for (const master of all) problems.add(`the master ${awayText(master)}`)
      return {
        at: Math.round(nowS() * 1000),
        problem: problems.size > 0 ? [...problems].join('; ') : null,
        ...{ redis, rates: rates ?? null, totals: counts, instances: told, events: happened },
      }
    },
    async rates() {
      const rates = await away()
        .then(readRates)
        .catch(() => undefined)
      return { at: Math.round(nowS() * 1000), rates: rates === 'away' ? null : (rates ?? null) }
    },
  }
}

/** CPU in cores between one reading and the next of the same masters. */
function makeCpuMeter(): (servers: readonly Server[], atS: number) => number | undefined {
  let last: { names: string; cpuUs: number | undefined; atS: number } = { names: '', cpuUs: undefined, atS: 0 }
  return (servers, atS) => {
    const before = last
    const { cpuUs } = togetherOf(servers)
    last = { names: servers.map(({ name }) => name).join(), cpuUs, atS }
    if (cpuUs === undefined || before.cpuUs === undefined || cpuUs < before.cpuUs || atS <= before.atS) return undefined
    if (last.names !== before.names) return undefined
    return Number(((cpuUs - before.cpuUs) / 1e6 / (atS - before.atS)).toFixed(3))
  }
}
