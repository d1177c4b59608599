import { describe, expect, it } from 'vitest'
import { startRedis } from '../support/redis.ts'
import { makeCoverage } from './model-coverage.ts'
import { playMany, withConnections } from './model-plays.ts'
import type { PlaySize } from './model-steps.ts'

/** What one play in forty reaches is missed by 140 of them once in fifty times. */
const ROUNDS_MAX = 5

/** Plays so many on a Redis of their own, and as many again while there is something that plays of their size can reach and none has. */
async function agreeIn(size: PlaySize, count: number): Promise<void> {
  const server = await startRedis()
  try {
    const coverage = makeCoverage(size)
    await withConnections(server.redis, async (connections) => {
      let round = 0
      do await playMany(connections, { size, count }, coverage.watchPlay)
      while (coverage.unseen().length > 0 && ++round < ROUNDS_MAX)
    })
    expect(coverage.unseen()).toEqual([])
  } finally {
    await server.stop()
  }
}

// Both at once: while one waits for its Redis, the other has the processor. Alone on 2 cores they take twenty seconds.
describe.concurrent('the swarms in Redis', { timeout: 300_000 }, () => {
  it('agree with the model in small swarms, whatever happens in whatever order', () => agreeIn('small', 350))

  it('agree with the model while they grow past every change of layout and shrink again', () => agreeIn('large', 140))
})
