import type { RedisClient } from './client.ts'
import { readTime } from './clock.ts'
import type { Keys } from './keys.ts'

/** What torrents are ranked by. */
export const RANKED_BY = ['seeders', 'leechers', 'completed'] as const

/** One of them. */
export type RankedBy = (typeof RANKED_BY)[number]

/** Members written in one call. */
const PER_CALL = 500

/**
 * Puts a new ranking in the place of the old one, which is read whole until then, and which is kept till the next for those
 * who are halfway through it. A ranking's id is when it was made: milliseconds since the epoch by Redis's clock.
 */
export async function writeRanks(
  redis: RedisClient,
  keys: Keys,
  by: RankedBy,
  ranked: readonly { hex: string; score: number }[],
): Promise<void> {
  const [current, next, before, made] = [keys.ranks(by), keys.nextRanks(by), keys.ranksBefore(by), keys.ranksMade(by)]
  await redis.del(next)
  for (let i = 0; i < ranked.length; i += PER_CALL) {
    await redis.zadd(next, ...ranked.slice(i, i + PER_CALL).flatMap(({ hex, score }) => [score, hex]))
  }
  const [[seconds, micros], hadOne, oldId] = await Promise.all([
    readTime(redis),
    redis.exists(current),
    redis.hget(made, 'id'),
  ])
  const id = Math.max(Number(seconds) * 1000 + Math.floor(Number(micros) / 1000), Number(oldId ?? 0) + 1)
  // Freed apart: 10,000 members take a millisecond. All at once, so that nobody reads one ranking by the other's id.
  const steps = redis.multi().unlink(before)
  if (hadOne > 0) steps.rename(current, before)
  if (ranked.length > 0) steps.rename(next, current)
  steps.hset(made, 'before', oldId ?? '', 'id', id)
  const answers = await steps.exec()
  const failed = answers?.find(([error]) => error !== null)?.[0]
  if (failed) throw failed
}
