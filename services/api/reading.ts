import type { Counters } from '../../lib/observe/counters.ts'
import type { Totals } from '../../lib/store/reader.ts'
import type { ApiContext } from './context.ts'
import { ApiError } from './errors.ts'

/** A reading is kept so long: it takes 4,096 small reads of Redis. */
const KEPT_MS = 1000

/** The counts of all torrents and of what all frontends did, and when they were read. */
export type Reading = { totals: Totals; counters: Counters; atMs: number }

/** Reads the counts, once a second at most, however many ask. */
export function makeReading({ reader, stats, nowMs, uptimeMs }: ApiContext): () => Promise<Reading> {
  let kept: { reading: Promise<Reading>; untilMs: number } | undefined
  const read = async (): Promise<Reading> => {
    const atMs = nowMs()
    const [totals, counters] = [await reader.totals(), await stats()]
    assertCounts({ ...totals, ...counters })
    return { totals, counters, atMs }
  }
  return async () => {
    if (!kept || uptimeMs() >= kept.untilMs) {
      const reading = read()
      kept = { reading, untilMs: uptimeMs() + KEPT_MS }
      reading.catch(() => {
        kept = undefined
      })
    }
    return await kept.reading
  }
}

/** Fails where somebody else has written what is no count. */
export function assertCounts(counts: Readonly<Record<string, number>>): void {
  const damaged = Object.entries(counts).find(([, count]) => !Number.isSafeInteger(count))
  if (damaged) throw new ApiError(500, 'store_damaged', `the count ${damaged[0]} in Redis is damaged`)
}
