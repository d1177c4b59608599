import { readAuditResult } from '../../../lib/store/audit/result.ts'
import { type AwayMasters, type Part, readPart } from '../../../lib/store/away-masters.ts'
import { readTime } from '../../../lib/store/clock.ts'
import { readInstances } from '../../../lib/store/instances.ts'
import { readStats } from '../../../lib/store/stats.ts'
import { readSweeperState } from '../../../lib/store/sweep.ts'
import type { TrackerFacts } from '../doctor/tracker-findings.ts'
import type { Target } from '../redis.ts'
import type { CountersAt } from './rates.ts'

/** Redis's clock, seconds since the epoch with fractions. */
export async function readNowS(redis: Target['redis']): Promise<number> {
  const [seconds, micros] = await readTime(redis)
  return Number(seconds) + Number(micros) / 1e6
}

/** What the frontends have counted by now. */
export const readCounters = ({ redis, keys }: Target, away: AwayMasters): Promise<Part<CountersAt>> =>
  readPart(redis, away, keys.stats, async (node) => {
    const [atS, counters] = await Promise.all([readNowS(redis), readStats(node, keys)])
    return { atS, counters }
  })

/** What the processes of the tracker have left in Redis by now. */
export async function readTrackerFacts(target: Target, away: AwayMasters): Promise<TrackerFacts> {
  const { redis, keys, settings } = target
  const [nowS, instances, sweeper, audit] = await Promise.all([
    readNowS(redis),
    readPart(redis, away, keys.instances, (node) => readInstances(node, keys)),
    readPart(redis, away, keys.sweeper, (node) => readSweeperState(node, keys)),
    readPart(redis, away, keys.audit, (node) => readAuditResult(node, keys)),
  ])
  return { nowS, instances, sweeper, audit, sweepIntervalS: settings.sweepIntervalS }
}
