import { expect, it } from 'vitest'
import type { RedisClient } from '../../lib/store/client.ts'
import { connectRedis } from '../../lib/store/connect.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { makeTorrentCount, TAKEN_OVER_MAX } from '../../lib/store/torrent-count.ts'
import { startCluster } from '../support/cluster.ts'
import { startRedis, useRedis } from '../support/redis.ts'
import { announceOf, hashOf, silentLog, storeOn } from '../support/store.ts'

const server = useRedis()
const keys = makeKeys('')
const countOf = (max: number, redis: RedisClient = server().redis) =>
  makeTorrentCount({ redis, keys, max, log: silentLog })
/** Torrents of different shards. */
const add = (count: number, redis: RedisClient = server().redis) =>
  storeOn(redis).announce(
    Array.from({ length: count }, (_, i) => announceOf({ infoHash: hashOf((i * 301).toString(16).padStart(3, '0')) })),
  )
/** How often totals have been read. */
const reads = async () => Number(/cmdstat_hmget:calls=(\d+)/.exec(await server().redis.info('commandstats'))?.[1] ?? 0)

it('a tracker is full from as many torrents on as it may have, and not before it knows', async () => {
  await add(5)
  const [under, at] = [countOf(6), countOf(5)]
  expect([under.isFull(), at.isFull()]).toEqual([false, false])
  await Promise.all([under.refresh(), at.refresh()])
  await Promise.all([under.refresh(), at.refresh()])
  expect([under.isFull(), at.isFull()]).toEqual([false, true])
})

it('one frontend counts, the others take over what it has counted until that is over', async () => {
  await add(5)
  await server().redis.config('RESETSTAT')
  const counts = Array.from({ length: 8 }, () => countOf(5))
  await Promise.all(counts.map(({ refresh }) => refresh()))
  for (const { refresh } of counts) await refresh()
  expect(counts.map(({ isFull }) => isFull())).toEqual(counts.map(() => true))
  expect(await reads()).toBe(4096)
  await add(6)
  await server().redis.del(keys.counted)
  const another = countOf(6)
  await another.refresh()
  expect([another.isFull(), await server().redis.get(keys.counted)]).toEqual([true, '6'])
})

it.each([
  ['is counted again after a minute where it is far', 20_000_000, 60],
  ['… after some seconds where it is nearer', 2_000_000, 20],
  ['… after five where it is near, or has come', 5, 5],
])('what a tracker has %s from its limit', async (_, max, seconds) => {
  await add(5)
  const { refresh } = countOf(max)
  await refresh()
  expect(await server().redis.ttl(keys.counted)).toBe(seconds)
})

it('a count that nobody can read is not taken over, and a key of another type leaves the last one', async () => {
  await add(5)
  const count = countOf(5)
  await count.refresh()
  expect(count.isFull()).toBe(true)
  await server().redis.del(keys.counted)
  await server().redis.hset(keys.counted, 'a', 'b')
  await expect(count.refresh()).rejects.toThrow('WRONGTYPE')
  expect(count.isFull()).toBe(true)
  await server().redis.set(keys.counted, 'bees')
  await count.refresh()
  expect([count.isFull(), await server().redis.get(keys.counted)]).toEqual([true, '5'])
})

it('a count that somebody wrote, and that never goes, keeps new torrents out for some minutes only', async () => {
  await add(5)
  await server().redis.set(keys.counted, '1'.padEnd(30, '0'))
  const count = countOf(6)
  for (let i = 0; i < TAKEN_OVER_MAX; i++) await count.refresh()
  expect(count.isFull()).toBe(true)
  await count.refresh()
  expect([count.isFull(), await server().redis.get(keys.counted), await server().redis.ttl(keys.counted)]).toEqual([
    ...[false, '5', 5],
  ])
})

it('while Redis is away the last count stays', async () => {
  const own = await startRedis()
  const redis = await connectRedis(own.url)
  try {
    await add(3, redis)
    const count = countOf(3, redis)
    await count.refresh()
    own.process.kill('SIGKILL')
    await expect(count.refresh()).rejects.toThrow()
    expect(count.isFull()).toBe(true)
  } finally {
    redis.disconnect()
    await own.stop()
  }
})

it('in a Cluster the torrents of all masters are counted', { timeout: 60_000 }, async () => {
  const cluster = await startCluster()
  const redis = await connectRedis(cluster.url)
  try {
    await add(13, redis)
    const [count, under] = [countOf(13, redis), countOf(14, redis)]
    await count.refresh()
    await under.refresh()
    expect([count.isFull(), under.isFull()]).toEqual([true, false])
  } finally {
    redis.disconnect()
    await cluster.stop()
  }
})
