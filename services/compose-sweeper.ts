import { makeSweepMeasures } from '../lib/observe/measures.ts'
import { makeBanList } from '../lib/store/bans.ts'
import { connectPatiently } from '../lib/store/connect.ts'
import { makeDeniedList } from '../lib/store/denied.ts'
import { shardNames } from '../lib/store/keys.ts'
import { makePasskeyStore } from '../lib/store/passkeys.ts'
import { writeRanks } from '../lib/store/ranks.ts'
import { askSweepPermit, isSweepOverdue, makeShardSweeper } from '../lib/store/sweep.ts'
import { makeShardWalker } from '../lib/store/walk.ts'
import { sweeperMetrics } from './metrics/sweeper.ts'
import { type Parts, sweepIntervals } from './parts.ts'
import { rankAll } from './sweeper/rank.ts'
import { startSweeperService } from './sweeper/service.ts'
import { sweepAll } from './sweeper/sweep.ts'

/** Builds the sweeper and starts it. */
export async function startSweeper(parts: Parts): Promise<void> {
  const { settings, redisUrl, redis, keys, clock, metricSources, log, lifecycle } = parts
  const sweeperLog = log.child({ role: 'sweeper' })
  const sweepShard = makeShardSweeper({
    redis,
    keys,
    peerLifetimeS: settings.peerLifetimeS,
    // What is on the list stays, with its count.
    completedLifetimeS: settings.listed ? undefined : settings.limits.completedLifetimeS,
    eventsMax: settings.eventsMax,
  })
  const measures = makeSweepMeasures()
  metricSources.push(...sweeperMetrics(measures))
  const walkShard = makeShardWalker({ redis, keys })
  const passkeys = makePasskeyStore({ redis, keys })
  const bans = makeBanList({ redis, keys })
  const denied = makeDeniedList({ redis, keys })
  const service = await startSweeperService({
    connection: connectPatiently(redisUrl),
    prefix: keys.jobs,
    sweepIntervalS: settings.sweepIntervalS,
    async sweep(isStopping) {
      const permit = await askSweepPermit(redis, keys, sweepIntervals(settings))
      if (permit < 1) return { waitsS: -permit }
      return sweepAll({ shards: shardNames(), sweepShard, isStopping, measures, log: sweeperLog })
    },
    isOverdue: () => isSweepOverdue(redis, keys, settings.sweepIntervalS),
    async rank(isStopping) {
      const ranked = await rankAll({
        shards: shardNames(),
        walkShard,
        writeRanks: (by, ranked) => writeRanks(redis, keys, by, ranked),
        isStopping,
      })
      const passkeysRemoved = await passkeys.removeExpired(clock.nowS(), isStopping)
      const bansRemoved = await bans.removeExpired(clock.nowS(), isStopping)
      const deniedRemoved = await denied.removeExpired(clock.nowS(), isStopping)
      return { ...ranked, passkeysRemoved, bansRemoved, deniedRemoved }
    },
    log: sweeperLog,
  })
  lifecycle.onStop('sweeper', service.stop)
}
