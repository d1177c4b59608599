import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Redis } from 'ioredis'
import { describe, it } from 'vitest'
import { makeKeys } from '../../lib/store/keys.ts'
import { makeShardSweeper } from '../../lib/store/sweep.ts'
import { Model } from '../support/model.ts'
import { useRedis } from '../support/redis.ts'
import { storeOn } from '../support/store.ts'
import { agree, agreeOnSweep, checkReplies, LIFETIME_S, stopsOf } from './model-checks.ts'
import { type Step, stepArb } from './model-steps.ts'

/** Runs steps on Redis and on the model, and holds the one against the other after each. */
async function run(redis: Redis, steps: readonly Step[]): Promise<void> {
  await redis.flushall()
  const model = new Model()
  let nowS = 1_764_000_000
  const store = storeOn(redis, { peerLifetimeS: LIFETIME_S }, () => nowS)
  const sweepShard = makeShardSweeper({ redis, keys: makeKeys(''), peerLifetimeS: LIFETIME_S, nowS: () => nowS })
  for (const step of steps) {
    switch (step.kind) {
      case 'announces':
        checkReplies(model, step.announces, await store.announce(step.announces), nowS)
        break
      case 'wait':
        nowS += step.seconds
        break
      case 'sweep':
        for (const shard of ['0a1', 'f00']) {
          while (true) {
            const piece = await sweepShard(shard)
            assert.deepEqual(piece.damaged, [])
            if (!piece.hasMore) break
          }
        }
        await agreeOnSweep(redis, model, nowS, true)
        break
      case 'piece of a sweep':
        // It may end anywhere; what follows meets a swarm that is half swept.
        for (const shard of ['0a1', 'f00']) assert.deepEqual((await sweepShard(shard)).damaged, [])
        await agreeOnSweep(redis, model, nowS, false)
        break
      case 'mass stop': {
        const announces = stopsOf(model, step.hash)
        checkReplies(model, announces, await store.announce(announces), nowS)
        break
      }
      case 'flush scripts':
        await redis.script('FLUSH')
        break
      default: {
        const missed: never = step
        throw new Error(`unhandled step ${String(missed)}`)
      }
    }
    await agree(redis, model, store, nowS)
  }
}

/** A failure is told as it is found, with its seed: shrinking would outlast the test. */
const REPORTED = { endOnFailure: true }

describe('the swarms in Redis', () => {
  const server = useRedis()

  it('agree with the model in small swarms, whatever happens in whatever order', () =>
    fc.assert(
      fc.asyncProperty(fc.array(stepArb(15), { minLength: 1, maxLength: 20, size: 'max' }), (steps) =>
        run(server().redis, steps),
      ),
      { numRuns: 200, ...REPORTED },
    ))

  it('agree with the model in swarms that grow past every change of layout and shrink again', () =>
    fc.assert(
      fc.asyncProperty(fc.array(stepArb(700), { minLength: 1, maxLength: 25, size: 'max' }), (steps) =>
        run(server().redis, steps),
      ),
      { numRuns: 100, ...REPORTED },
    ))
})
