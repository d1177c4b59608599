import type { Logger } from '../observe/log.ts'
import type { RedisClient } from './client.ts'
import type { Keys } from './keys.ts'
import { makeSwarmReader } from './reader.ts'

/** How long a count of all torrents counts, at least and at most. To count takes Redis 12 ms and the frontend 40, in 16 pieces. */
export const COUNT_S_MIN = 5
const COUNT_S_MAX = 60
/** So often what another has counted is taken over, ten minutes long: a count that somebody wrote may never go. */
export const TAKEN_OVER_MAX = 120
/** New torrents a second that a tracker can get, about: the nearer the limit, the sooner they are counted again. */
const NEW_PER_S = 100_000

/** How many torrents a tracker has, as its frontends know it. */
export type TorrentCount = {
  /** Whether there are as many as there may be. */
  isFull: () => boolean
  /** Takes over what another frontend has counted, or counts, where no count counts any more. */
  refresh: () => Promise<void>
}

/**
 * The count of all torrents, of which `max` may be (0: any number). One frontend counts for all: it leaves the count in Redis, in a key that
 * goes when they are to be counted again. Where a master is away, the last count stays.
 */
export function makeTorrentCount({
  redis,
  keys,
  max,
  log,
}: {
  redis: RedisClient
  keys: Keys
  max: number
  log: Logger
}): TorrentCount {
  const reader = makeSwarmReader({ redis, keys })
  let known = 0
  let takenOver = 0
  const isFull = (): boolean => max > 0 && known >= max

  const take = (torrents: number): void => {
    const wasFull = isFull()
    known = torrents
    if (isFull() === wasFull) return
    if (wasFull) log.info({ torrents }, 'new torrents are served again')
    else log.warn({ torrents }, 'there are as many torrents as REDSWARM_TORRENTS_MAX: new ones are refused')
  }
  const lastsS = (): number => Math.min(COUNT_S_MAX, Math.max(COUNT_S_MIN, Math.round((max - known) / NEW_PER_S)))

  return {
    isFull,
    async refresh() {
      // Whoever finds no count puts the last one that it knows there, so that the others do not count, too.
      const told = await redis.set(keys.counted, known, 'EX', lastsS(), 'NX', 'GET')
      if (told !== null && takenOver < TAKEN_OVER_MAX && /^\d+$/.test(told)) {
        takenOver += 1
        take(Number(told))
        return
      }
      takenOver = 0
      take((await reader.totals()).torrents)
      await redis.set(keys.counted, known, 'EX', lastsS())
    },
  }
}
