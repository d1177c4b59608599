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

it('a sweep that was interrupted, and goes on when another crowd is there, leaves them the chunks that they need', async () => {
  const { redis } = server()
  let nowS = START_S
  const store = storeOn(redis, { peerLifetimeS: LIFETIME_S }, () => nowS)
  const sweep = makeShardSweeper({ redis, keys, peerLifetimeS: LIFETIME_S, nowS: () => nowS })
  const sweepAll = async () => {
    for (let hasMore = true; hasMore; ) {
      const piece = await sweep('a00')
      expect(piece.damaged).toEqual([])
      hasMore = piece.hasMore
    }
  }
  const crowd = (address: string, peers: number) =>
    store.announce(
      Array.from({ length: peers }, (_, i) =>
        announceOf({ endpoint: at(address, 1000 + i), isSeeder: true, numwant: 0 }),
      ),
    )
  await crowd('192.0.2.1', 3000)
  nowS += LIFETIME_S + 100
  const key = keys.swarm(hashOf('a').toString('hex'))
  const chunks = async () => (await redis.hgetBuffer(key, 'head'))?.readUInt16BE(14) ?? 0
  // It stops just before the end of the seeders, when it has seen none that stays.
  const passed = async () => (await redis.hgetBuffer(key, 'sweep'))?.readUInt16BE(1) ?? 0
  while ((await passed()) < (await chunks()) - 10) await sweep('a00')
  nowS += LIFETIME_S - 300
  await crowd('192.0.2.2', 2500)
  await sweepAll()
  const [reply] = await store.announce([announceOf({ endpoint: at('192.0.2.3'), numwant: 50 })])
  expect(reply).toMatchObject({ ok: true, seeders: 2500 })
  expect(reply?.ok && reply.peers.length / 6).toBeLessThan(50 + 2 * 56)
  nowS += LIFETIME_S + 400
  await sweepAll()
  expect(await redis.keys('*')).toEqual(['totals:{a00}'])
})

it('a sweep ends after a millisecond of damaged swarms, too', async () => {
  const { redis } = server()
  const hexes = Array.from({ length: 50 }, (_, i) => `a00${i.toString(16).padStart(37, '0')}`)
  await redis.zadd(keys.torrents('a00'), ...hexes.flatMap((hex) => [1, hex]))
  await redis.mset(...hexes.flatMap((hex) => [keys.swarm(hex), 'damaged']))
  const sweep = makeShardSweeper({ redis, keys, peerLifetimeS: LIFETIME_S })
  const pieces = [await sweep('a00'), await sweep('a00'), await sweep('a00')]
  expect(pieces.map(({ hasMore, damaged }) => [hasMore, damaged.length])).toEqual([
    [true, 20],
    [true, 20],
    [false, 10],
  ])
})

it('a piece of a sweep ends sooner where peers are removed than where they are only looked at', async () => {
  const { redis } = server()
  const crowd = Array.from({ length: 120 }, (_, i) => announceOf({ endpoint: at('198.51.100.1', 1 + i) }))
  await storeOn(redis, {}, () => START_S).announce(crowd)
  const sweep = makeShardSweeper({ redis, keys, peerLifetimeS: LIFETIME_S, nowS: () => START_S + LIFETIME_S + 1 })
  const first = await sweep('a00')
  expect(first.hasMore).toBe(true)
  expect(first.peersRemoved).toBeGreaterThan(0)
  expect(first.peersRemoved).toBeLessThan(crowd.length)
})
