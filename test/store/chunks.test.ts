import { expect, it } from 'vitest'
import { makeKeys } from '../../lib/store/keys.ts'
import { readChunkCounts } from '../../lib/store/layout.ts'
import { makeSwarmReader } from '../../lib/store/reader.ts'
import { EVENT } from '../../lib/wire/announce.ts'
import { chunkOf } from '../support/read-swarm.ts'
import { useRedis } from '../support/redis.ts'
import { announceOf, at, hashOf, storeOn } from '../support/store.ts'

const server = useRedis()
const peer = (number: number) => announceOf({ endpoint: at('192.0.2.1', 1000 + number) })

/** How many chunks the IPv4 leechers of the swarm have; 0 where it is small. */
async function chunksNow(): Promise<number | undefined> {
  const head = await server().redis.hgetBuffer(makeKeys('').swarm(hashOf('a').toString('hex')), 'head')
  return head ? readChunkCounts(head)[0] : undefined
}

it('a swarm is small up to 10 peers, and a chunk whole up to 56', async () => {
  const store = storeOn(server().redis)
  const chunks: (number | undefined)[] = []
  for (let i = 1; i <= 57; i++) {
    await store.announce([peer(i)])
    chunks.push(await chunksNow())
  }
  expect(chunks).toEqual([...Array(10).fill(0), ...Array(46).fill(1), 2])
})

it.each([
  ['stop', { event: EVENT.stopped }],
  ['change roles', { isSeeder: true }],
])('a chunk is given back once one of them holds fewer than 14, where peers %s', async (_, changes) => {
  const store = storeOn(server().redis)
  await store.announce(Array.from({ length: 57 }, (_, i) => peer(i)))
  expect(await chunksNow()).toBe(2)
  let left = 57
  while ((await chunksNow()) === 2) {
    left -= 1
    await store.announce([{ ...peer(left), ...changes }])
  }
  // Each of the two held 14 at least until then, and the one that fell below it 13.
  expect(left).toBeGreaterThanOrEqual(13 + 14)
  expect(await chunksNow()).toBe(1)
})

it('a chunk that is full is not split while the others are nearly empty', async () => {
  const { redis } = server()
  const store = storeOn(redis)
  await store.announce(Array.from({ length: 300 }, (_, i) => peer(i)))
  const key = makeKeys('').swarm(hashOf('a').toString('hex'))
  // Chunks are not given back while a sweep is halfway.
  await redis.hset(key, 'sweep', Buffer.alloc(11))
  await store.announce(Array.from({ length: 299 }, (_, i) => ({ ...peer(i), event: EVENT.stopped })))
  const chunks = (await chunksNow()) as number
  const salt = (await redis.hgetBuffer(key, 'head'))?.readUInt32BE(20) as number
  const ofFirst = Array.from({ length: 4000 }, (_, i) => peer(1000 + i)).filter(
    ({ endpoint }) => chunkOf(endpoint, salt, chunks) === 0,
  )
  expect(14 * chunks).toBeGreaterThan(61)
  await store.announce(ofFirst.slice(0, 60))
  expect(await redis.hlen(`${key}:l4:0000`)).toBeGreaterThanOrEqual(60)
  expect(await chunksNow()).toBe(chunks)
})

it('all peers of a large swarm are read for people, each once', async () => {
  await storeOn(server().redis).announce(Array.from({ length: 1500 }, (_, i) => peer(i)))
  const swarm = await makeSwarmReader({ redis: server().redis, keys: makeKeys('') }).swarm(hashOf('a'), 2000)
  expect(new Set(swarm?.peers.map(({ endpoint }) => endpoint.toString('hex'))).size).toBe(1500)
})
