import fc from 'fast-check'
import type { Redis } from 'ioredis'
import { type Connections, play, type Watch } from './model-play.ts'
import { type PlaySize, playArb } from './model-steps.ts'

/** Which plays: so many of a size, of a seed, from a number on. */
export type Plays = { size: PlaySize; count: number; seed?: number | undefined; from?: string | undefined }

/** Plays so many, each from an empty Redis. A failure is told in a few words, and how to see it again. */
export async function playMany(connections: Connections, plays: Plays, makeWatch?: () => Watch): Promise<void> {
  const { size, count, seed, from = '0' } = plays
  const property = fc.asyncProperty(playArb(size), (each) => play(connections, each, makeWatch?.()))
  // Shrinking would outlast a test, and what it finds is printed step by step, a screen for each.
  const options = { path: from, numRuns: count, endOnFailure: true, ...(seed !== undefined && { seed }) }
  const found = await fc.check(property, options)
  if (!found.failed) return
  const error = found.errorInstance
  throw new Error(
    `${error instanceof Error ? error.message : error}\n` +
      `again: npm run test:model -- --only ${size} --seed ${found.seed} --from ${found.counterexamplePath} --runs 1`,
    { cause: error },
  )
}

/** Gives a test three connections to the Redis that it has one to. */
export async function withConnections<T>(redis: Redis, use: (connections: Connections) => Promise<T>): Promise<T> {
  const more = [redis.duplicate(), redis.duplicate()] as const
  try {
    return await use([redis, ...more])
  } finally {
    for (const each of more) each.disconnect()
  }
}
