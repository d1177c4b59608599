import type { Redis } from 'ioredis'
import { COUNTER_NAMES, type Counters, makeCounters } from '../observe/counters.ts'
import type { Keys } from './keys.ts'

/** Adds what one frontend counted since its last flush to what all frontends counted. */
export type StatsFlusher = (nowS: number) => Promise<void>

/**
 * The flusher of a frontend's counters. It also marks the time in `sweeper`, by which a sweeper knows that clients
 * could announce. What a failed flush did not add, the next adds.
 */
export function makeStatsFlusher({
  redis,
  keys,
  counters,
}: {
  redis: Redis
  keys: Keys
  counters: Counters
}): StatsFlusher {
  const flushed = makeCounters()
  return async (nowS) => {
    const now = { ...counters }
    const changed = COUNTER_NAMES.filter((name) => now[name] !== flushed[name])
    await Promise.all([
      redis.hset(keys.sweeper, 'served', Math.floor(nowS)),
      ...changed.map(async (name) => {
        await redis.hincrby(keys.stats, name, now[name] - flushed[name])
        flushed[name] = now[name]
      }),
    ])
  }
}

/** What all frontends counted together. */
export async function readStats(redis: Redis, keys: Keys): Promise<Counters> {
  const fields = await redis.hgetall(keys.stats)
  const counters = makeCounters()
  for (const name of COUNTER_NAMES) counters[name] = Number(fields[name] ?? 0)
  return counters
}
