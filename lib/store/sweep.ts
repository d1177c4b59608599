import type { RedisClient } from './client.ts'
import { readTime } from './clock.ts'
import type { Keys } from './keys.ts'
import { loadScript, runScript } from './scripts.ts'

/** What a bounded piece of a sweep did. */
export type SweepPiece = { hasMore: boolean; peersRemoved: number; torrentsDropped: number; damaged: string[] }

/** Sweeps one shard, `{09a}` named `09a`, for about a millisecond of Redis; called again while it has more. */
export type ShardSweeper = (shard: string) => Promise<SweepPiece>

/** What one piece may do, in peers looked at: so many take Redis about 1 ms. */
const LOOKS_PER_PIECE = 300

/** The sweeper of a shard. */
export function makeShardSweeper({
  redis,
  keys,
  peerLifetimeS,
  completedLifetimeS,
  eventsMax = 0,
  nowS = () => '',
}: {
  redis: RedisClient
  keys: Keys
  peerLifetimeS: number
  /** How long a torrent without peers is kept for the sake of its completed downloads; left out: for good. */
  completedLifetimeS?: number | undefined
  /** Events that are kept, about; 0: none is written. */
  eventsMax?: number
  /** Seconds since the epoch; left out, Redis's own clock counts. */
  nowS?: () => number | ''
}): ShardSweeper {
  const script = loadScript('sweep')
  return async (shard) => {
    const args = [keys.prefix, peerLifetimeS, LOOKS_PER_PIECE, nowS(), eventsMax, completedLifetimeS ?? '']
    const [more, removed, dropped, ...damaged] = (await runScript(redis, script, [keys.torrents(shard)], args)) as [
      number,
      number,
      number,
      ...Buffer[],
    ]
    return { hasMore: more === 1, peersRemoved: removed, torrentsDropped: dropped, damaged: damaged.map(String) }
  }
}

/** Seconds between two sweeps, and the longest between two announces that a client was told. */
export type SweepIntervals = { sweepIntervalS: number; announceIntervalS: number }

/** Says whether peers may be swept now: 1, or how many seconds are left to wait after an outage, negative. */
export function askSweepPermit(
  redis: RedisClient,
  keys: Keys,
  { sweepIntervalS, announceIntervalS }: SweepIntervals,
): Promise<number> {
  return runScript(
    redis,
    loadScript('sweep_permit'),
    [keys.sweeper],
    [sweepIntervalS, announceIntervalS],
  ) as Promise<number>
}

/** A sweep that has not come for so many intervals is overdue. */
const OVERDUE_INTERVALS = 3

/** Whether no sweeper has swept for long. */
export async function isSweepOverdue(redis: RedisClient, keys: Keys, sweepIntervalS: number): Promise<boolean> {
  const [[nowS], swept] = await Promise.all([readTime(redis), redis.hget(keys.sweeper, 'swept')])
  return isOverdue(Number(swept), Number(nowS), sweepIntervalS)
}

/** Marks that a frontend is at work; the first mark after an outage makes the sweeper wait. */
export async function markServed(
  redis: RedisClient,
  keys: Keys,
  { sweepIntervalS, announceIntervalS }: SweepIntervals,
): Promise<void> {
  await runScript(redis, loadScript('mark_served'), [keys.sweeper], [sweepIntervalS, announceIntervalS])
}

/** What the sweepers have left of their work: seconds since the epoch, undefined where that has not been. */
export type SweeperState = { sweptS: number | undefined; holdS: number | undefined }

/** When a sweep was last at work, and until when eviction waits after an outage. */
export async function readSweeperState(redis: RedisClient, keys: Keys): Promise<SweeperState> {
  const [swept, hold] = await redis.hmget(keys.sweeper, 'swept', 'hold')
  return { sweptS: swept ? Number(swept) : undefined, holdS: Number(hold) > 0 ? Number(hold) : undefined }
}

/** Whether a sweep of that time is long ago. */
export const isOverdue = (sweptS: number | undefined, nowS: number, sweepIntervalS: number): boolean =>
  nowS - (sweptS ?? 0) > OVERDUE_INTERVALS * sweepIntervalS
