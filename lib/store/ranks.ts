import type { Redis } from 'ioredis'
import type { Keys } from './keys.ts'

/** What torrents are ranked by. */
export const RANKED_BY = ['seeders', 'leechers', 'completed'] as const

/** One of them. */
export type RankedBy = (typeof RANKED_BY)[number]

/** Members written in one call. */
const PER_CALL = 500

/** Puts a new ranking in the place of the old one, which is read whole until then. */
export async function writeRanks(
  redis: Redis,
  keys: Keys,
  by: RankedBy,
  ranked: readonly { hex: string; score: number }[],
): Promise<void> {
  const next = keys.nextRanks(by)
  await redis.del(next)
  for (let i = 0; i < ranked.length; i += PER_CALL) {
    await redis.zadd(next, ...ranked.slice(i, i + PER_CALL).flatMap(({ hex, score }) => [score, hex]))
  }
  if (ranked.length > 0) await redis.rename(next, keys.ranks(by))
  else await redis.del(keys.ranks(by))
}
