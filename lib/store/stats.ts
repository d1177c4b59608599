import { COUNTER_NAMES, type Counters, makeCounters } from '../observe/counters.ts'
import type { RedisClient } from './client.ts'
import type { Keys } from './keys.ts'
import { loadScript, runScript } from './scripts.ts'

/** How long Redis knows a frontend's last flush: longer than an outage after which that flush comes again. */
const FLUSH_REMEMBERED_S = 86_400

/**
 * Adds what one frontend counted since its last flush to what all frontends counted. One flush is at work at a time: a
 * call meanwhile waits for it and flushes again, once for all who wait.
 */
export type StatsFlusher = () => Promise<void>

/** Counts that go to Redis together, again and again until it has answered. */
type Flush = { number: number; now: Counters; deltas: (string | number)[] }

/** The flusher of a frontend's counters; `frontendId` is its own in every run. */
export function makeStatsFlusher({
  redis,
  keys,
  counters,
  frontendId,
}: {
  redis: RedisClient
  keys: Keys
  counters: Counters
  frontendId: string
}): StatsFlusher {
  const script = loadScript('add_stats')
  const scriptKeys = [keys.stats, keys.statsFlush(frontendId)]
  let flushed = makeCounters()
  let unanswered: Flush | undefined
  let lastNumber = 0
  let current: Promise<void> | undefined
  let next: Promise<void> | undefined

  const takeFlush = (): Flush | undefined => {
    const now = { ...counters }
    const changed = COUNTER_NAMES.filter((name) => now[name] !== flushed[name])
    if (changed.length === 0) return undefined
    lastNumber += 1
    return { number: lastNumber, now, deltas: changed.flatMap((name) => [name, now[name] - flushed[name]]) }
  }

  const run = async (): Promise<void> => {
    // What was not answered goes first, as it was: Redis may have added it, and then knows its number.
    for (let isAgain = unanswered !== undefined; ; isAgain = false) {
      unanswered ??= takeFlush()
      if (!unanswered) return
      await runScript(redis, script, scriptKeys, [unanswered.number, FLUSH_REMEMBERED_S, ...unanswered.deltas])
      flushed = unanswered.now
      unanswered = undefined
      if (!isAgain) return
    }
  }

  return function flush(): Promise<void> {
    if (!current) {
      current = run().finally(() => {
        current = undefined
      })
      return current
    }
    next ??= current
      .catch(() => {})
      .then(() => {
        next = undefined
        return flush()
      })
    return next
  }
}

/** What all frontends counted together. */
export async function readStats(redis: RedisClient, keys: Keys): Promise<Counters> {
  const fields = await redis.hgetall(keys.stats)
  const counters = makeCounters()
  for (const name of COUNTER_NAMES) counters[name] = Number(fields[name] ?? 0)
  return counters
}
