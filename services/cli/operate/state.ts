import { readAuditResult } from '../../../lib/store/audit/result.ts'
import { readTime } from '../../../lib/store/clock.ts'
import { readInstances } from '../../../lib/store/instances.ts'
import { readStats } from '../../../lib/store/stats.ts'
import { readSweeperState } from '../../../lib/store/sweep.ts'
import type { TrackerFacts } from '../doctor/tracker-findings.ts'
import type { Target } from '../redis.ts'
import type { CountersAt } from './rates.ts'

/** Redis's clock, seconds since the epoch with fractions. */
export async function readNowS({ redis }: Target): Promise<number> {
  const [seconds, micros] = await readTime(redis)
  return Number(seconds) + Number(micros) / 1e6
}

/** What the frontends have counted by now. */
export async function readCounters(target: Target): Promise<CountersAt> {
  const [atS, counters] = await Promise.all([readNowS(target), readStats(target.redis, target.keys)])
  return { atS, counters }
}

/** What the processes of the tracker have left in Redis by now. */
export async function readTrackerFacts(target: Target): Promise<TrackerFacts> {
  const { redis, keys, settings } = target
  const [nowS, instances, sweeper, audit] = await Promise.all([
    readNowS(target),
    readInstances(redis, keys),
    readSweeperState(redis, keys),
    readAuditResult(redis, keys),
  ])
  return { nowS, instances, sweeper, audit, sweepIntervalS: settings.sweepIntervalS }
}
