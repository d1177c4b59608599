import { expect, it } from 'vitest'
import { makeKeys } from '../../lib/store/keys.ts'
import { askSweepPermit, isSweepOverdue, makeShardSweeper } from '../../lib/store/sweep.ts'
import { useRedis } from '../support/redis.ts'
import { announceOf, at, hashOf, storeOn } from '../support/store.ts'

const server = useRedis()
const keys = makeKeys('')
const SWEEP_INTERVAL_S = 60
const LIFETIME_S = 3900
const START_S = 1_764_000_000

it('a sweep is overdue once none has been for three intervals, and where there has never been one', async () => {
  const { redis } = server()
  const isOverdue = () => isSweepOverdue(redis, keys, SWEEP_INTERVAL_S)
  const sweptAgo = async (agoS: number) => redis.hset(keys.sweeper, 'swept', Number((await redis.time())[0]) - agoS)
  expect(await isOverdue()).toBe(true)
  await askSweepPermit(redis, keys, { sweepIntervalS: SWEEP_INTERVAL_S, announceIntervalS: 1800 })
  expect(await isOverdue()).toBe(false)
  await sweptAgo(3 * SWEEP_INTERVAL_S - 10)
  expect(await isOverdue()).toBe(false)
  await sweptAgo(3 * SWEEP_INTERVAL_S + 1)
  expect(await isOverdue()).toBe(true)
})

it.each([
  ['small swarm is due when its next peer expires', 9, 10],
  ['large swarm, of which always one is about to expire, rests for a thirteenth of a lifetime', 300, LIFETIME_S / 13],
])('a %s', async (_, peers, dueInS) => {
  const { redis } = server()
  let nowS = START_S
  const store = storeOn(redis, { peerLifetimeS: LIFETIME_S }, () => nowS)
  const announce = (number: number) => store.announce([announceOf({ endpoint: at('192.0.2.1', 1000 + number) })])
  await announce(0)
  nowS = START_S + 10
  for (let i = 1; i < peers; i++) await announce(i)
  nowS = START_S + LIFETIME_S
  const sweep = makeShardSweeper({ redis, keys, peerLifetimeS: LIFETIME_S, nowS: () => nowS })
  let removed = 0
  for (let hasMore = true; hasMore; ) {
    const piece = await sweep('a00')
    hasMore = piece.hasMore
    removed += piece.peersRemoved
  }
  expect(removed).toBe(1)
  expect(await redis.zscore(keys.torrents('a00'), hashOf('a').toString('hex'))).toBe(`${nowS + dueInS}`)
})
