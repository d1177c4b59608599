import { setTimeout as sleep } from 'node:timers/promises'
import calculateSlot from 'cluster-key-slot'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { RedisClient } from '../../lib/store/client.ts'
import { connectRedis } from '../../lib/store/connect.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { readSwarms } from '../../lib/store/move/read-swarms.ts'
import { makeSwarmReader } from '../../lib/store/reader.ts'
import { EVENT } from '../../lib/wire/announce.ts'
import { endpointText } from '../../lib/wire/endpoint.ts'
import { type ClusterNode, startCluster, type TestCluster } from '../support/cluster.ts'
import { anyAnnounce, drift, exported, imported, type Place } from '../support/move.ts'
import { useRedis } from '../support/redis.ts'
import { announceOf, at, hashOf, storeOn } from '../support/store.ts'

const server = useRedis()
let cluster: TestCluster
let clusterRedis: RedisClient
beforeAll(async () => {
  cluster = await startCluster()
  clusterRedis = await connectRedis(cluster.url)
}, 30_000)
afterAll(async () => {
  clusterRedis?.disconnect()
  await cluster?.stop()
})

const HASHES = Array.from({ length: 24 }, (_, i) => hashOf((i * 170).toString(16).padStart(3, '0')))
/** Of each swarm that is announced to, and how long its clients rest after some announces. */
const [PEERS, REST_MS] = [5000, 3]
const staying = (i: number) => at(`172.16.${i >> 8}.${i & 255}`)

/** Announces by clients that come and go, until it is told to stop: swarms grow and shrink by chunks. */
function makeTraffic({ redis, keys }: Place) {
  const store = storeOn(redis, {}, undefined, keys.prefix)
  let isStopping = false
  let [announced, refused] = [0, 0]
  const client = async (): Promise<void> => {
    for (let wave = 0; !isStopping; wave++) {
      const isLeaving = wave % 8 >= 4
      const announces = Array.from({ length: 64 }, (_, i) => {
        const announce = anyAnnounce(HASHES[i % 4] as (typeof HASHES)[number], PEERS)
        return isLeaving ? { ...announce, event: EVENT.stopped } : announce
      })
      const ok = (await store.announce(announces)).filter((reply) => reply.ok).length
      announced += ok
      refused += announces.length - ok
      await sleep(REST_MS)
    }
  }
  const work = client()
  return {
    async stop() {
      isStopping = true
      await work
      return { announced, refused }
    },
  }
}

/** Peers that stay, of each torrent; those of the first are many, so that it is large. */
async function fillStaying({ redis, keys }: Place): Promise<void> {
  const store = storeOn(redis, {}, undefined, keys.prefix)
  for (const [i, infoHash] of HASHES.entries()) {
    const announces = Array.from({ length: i === 0 ? 3000 : 5 }, (_, peer) =>
      announceOf({ infoHash, endpoint: staying(peer), isSeeder: peer % 2 === 0, numwant: 0 }),
    )
    // One master of a Cluster has so many wait, and refuses the rest.
    for (let at = 0; at < announces.length; at += 1000)
      for (const reply of await store.announce(announces.slice(at, at + 1000))) expect(reply.ok).toBe(true)
  }
}

async function expectStaying({ redis, keys }: Place): Promise<void> {
  for (const [i, infoHash] of HASHES.entries()) {
    const swarm = await makeSwarmReader({ redis, keys }).swarm(infoHash, 1_000_000)
    const there = new Set(swarm?.peers.map(({ endpoint }) => endpointText(endpoint)))
    const missing = Array.from({ length: i === 0 ? 3000 : 5 }, (_, peer) => endpointText(staying(peer)))
    expect(missing.filter((text) => !there.has(text))).toEqual([])
  }
}

it('an export has every peer that stays, and an import too, while others come and go at both', async () => {
  const from = { redis: server().redis, keys: makeKeys('from:') }
  await fillStaying(from)
  const out = makeTraffic(from)
  for (let round = 0; round < 2; round++) {
    const { text } = await exported(from)
    const to = { redis: server().redis, keys: makeKeys(`to${round}:`) }
    const traffic = makeTraffic(to)
    const report = await imported(to, text)
    expect(report.torrents.bad).toBe(0)
    expect(await traffic.stop()).toMatchObject({ refused: 0 })
    await expectStaying(to)
    expect(await drift(to)).toEqual([])
  }
  const { announced, refused } = await out.stop()
  expect(refused).toBe(0)
  expect(announced).toBeGreaterThan(1000)
})

it('in a Cluster too, while slots move', async () => {
  const from = { redis: clusterRedis, keys: makeKeys('') }
  await fillStaying(from)
  const [target, second] = cluster.nodes as [ClusterNode, ClusterNode]
  let isMoving = true
  const moves = (async () => {
    for (let i = 0; isMoving; i++) {
      const key = from.keys.torrents((HASHES[i % HASHES.length] as Buffer).toString('hex').slice(0, 3))
      await cluster.moveSlot(calculateSlot(key), i % (2 * HASHES.length) < HASHES.length ? target : second, () =>
        sleep(5),
      )
    }
    return true
  })()
  try {
    for (let round = 0; round < 2; round++) {
      const { text, report } = await exported(from)
      expect(report.torrents).toBe(HASHES.length)
      const to = { redis: clusterRedis, keys: makeKeys(`to${round}:`) }
      expect((await imported(to, text)).torrents).toMatchObject({ added: HASHES.length, bad: 0 })
      await expectStaying(to)
    }
  } finally {
    isMoving = false
    expect(await moves).toBe(true)
  }
  for (const prefix of ['', 'to0:', 'to1:'])
    expect(await drift({ redis: clusterRedis, keys: makeKeys(prefix) })).toEqual([])
})

it.each([
  ['grows', false],
  ['shrinks', true],
])('a large swarm that %s between any two pieces that are read has all who stay in them', async (_, isShrinking) => {
  const place = { redis: server().redis, keys: makeKeys('') }
  const store = storeOn(place.redis)
  const [infoHash] = HASHES as [(typeof HASHES)[number]]
  const STAYING = 1000
  const others = Array.from({ length: 4000 }, (_, i) => at(`10.7.${i >> 8}.${i & 255}`))
  const announceSome = async (endpoints: typeof others, event: 0 | 3): Promise<void> => {
    const replies = await store.announce(
      endpoints.map((endpoint) => announceOf({ infoHash, endpoint, event, numwant: 0 })),
    )
    expect(replies.every(({ ok }) => ok)).toBe(true)
  }
  await announceSome(
    Array.from({ length: STAYING }, (_, i) => staying(i)),
    EVENT.none,
  )
  if (isShrinking) await announceSome(others, EVENT.none)
  const read = new Set<string>()
  let pieces = 0
  for await (const some of readSwarms(place.redis, place.keys, true)) {
    for (const part of some) {
      expect(part).toHaveProperty('swarm')
      if ('swarm' in part) for (const { endpoint } of part.swarm.peers) read.add(endpointText(endpoint))
    }
    pieces += 1
    await announceSome(others.splice(0, isShrinking ? 400 : 800), isShrinking ? EVENT.stopped : EVENT.none)
  }
  expect(pieces).toBeGreaterThan(4)
  const missing = Array.from({ length: STAYING }, (_, i) => endpointText(staying(i))).filter((text) => !read.has(text))
  expect(missing).toEqual([])
})
