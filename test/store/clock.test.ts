import type { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { makeSharedClock } from '../../lib/store/clock.ts'
import { useRedis } from '../support/redis.ts'

const server = useRedis()
const redisNowS = async (redis: Redis): Promise<number> => Number((await redis.time())[0])
/** What a busy machine may take between two looks at a clock. */
const SLACK_S = 5

describe('the clock that all frontends share', () => {
  it.each([-86_400, 0, 86_400])('is that of Redis, on a machine whose own is %i s off', async (offS) => {
    const { redis } = server()
    const startS = await redisNowS(redis)
    const clock = makeSharedClock(redis, () => Date.now() + offS * 1000)
    await clock.synchronize()
    expect(Math.abs(clock.nowS() - startS)).toBeLessThan(SLACK_S)
  })

  it('takes Redis to have read its clock halfway between question and answer', async () => {
    const { redis } = server()
    const startS = await redisNowS(redis)
    let ownMs = 0
    const clock = makeSharedClock(redis, () => {
      ownMs += 60_000
      return ownMs
    })
    await clock.synchronize()
    // Asked at 60 s of its own, answered at 120: Redis read its clock at 90, and it is 180 now.
    expect(Math.abs(clock.nowS() - startS - 90)).toBeLessThan(SLACK_S)
  })

  it('goes on by itself between two looks at Redis', async () => {
    const { redis } = server()
    let ownMs = 1000
    const clock = makeSharedClock(redis, () => ownMs)
    await clock.synchronize()
    const beforeS = clock.nowS()
    ownMs += 7500
    expect(clock.nowS() - beforeS).toBeCloseTo(7.5, 3)
  })
})
