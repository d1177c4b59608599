import type { RedisClient } from './client.ts'
import { nodesOf } from './nodes.ts'

/** Redis's clock, which all frontends share: a clock of this process plus the offset that was last seen. */
export type SharedClock = {
  /** Seconds since the epoch, with fractions. */
  nowS: () => number
  /** Asks Redis for the time. */
  synchronize: () => Promise<void>
}

/** A clock set by Redis; `ownNowMs` is one that nobody sets meanwhile: a step of this machine's must not be one of this. */
export function makeSharedClock(redis: RedisClient, ownNowMs: () => number): SharedClock {
  let offsetMs = 0
  return {
    nowS: () => (ownNowMs() + offsetMs) / 1000,
    async synchronize() {
      const askedMs = ownNowMs()
      const [seconds, microseconds] = await readTime(redis)
      // Redis read its clock about halfway between question and answer.
      offsetMs = Number(seconds) * 1000 + Number(microseconds) / 1000 - (askedMs + ownNowMs()) / 2
    },
  }
}

/** What Redis has as the time, in seconds and microseconds: of a Cluster, the master that answers first. */
export async function readTime(redis: RedisClient): Promise<number[]> {
  try {
    return await Promise.any(
      nodesOf(redis)
        .all()
        .map((node) => node.time()),
    )
  } catch (error) {
    throw error instanceof AggregateError ? (error.errors[0] ?? error) : error
  }
}
