import { setTimeout as sleep } from 'node:timers/promises'
import calculateSlot from 'cluster-key-slot'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { auditAll } from '../../lib/store/audit.ts'
import { endConnection, type RedisClient } from '../../lib/store/client.ts'
import { connectRedis } from '../../lib/store/connect.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { makeListing } from '../../lib/store/listing.ts'
import { askForAnnounces, makePulse } from '../../lib/store/pulse.ts'
import { makeSwarmReader } from '../../lib/store/reader.ts'
import { makeShardSweeper } from '../../lib/store/sweep.ts'
import { EVENT } from '../../lib/wire/announce.ts'
import { type ClusterNode, startCluster, startClusterOf, type TestCluster } from '../support/cluster.ts'
import { until } from '../support/redis.ts'
import { announceOf, at, hashOf, silentLog, storeOn } from '../support/store.ts'

const keys = makeKeys('')
const POLICY = { peerLifetimeS: 3900, peerDetails: true, listed: false }
/** A torrent in each of these shards, so that each master has some. */
const HASHES = Array.from({ length: 48 }, (_, i) => hashOf((i * 85).toString(16).padStart(3, '0')))

let cluster: TestCluster
let redis: RedisClient
beforeAll(async () => {
  cluster = await startCluster()
  redis = await connectRedis(cluster.url)
}, 30_000)
afterAll(async () => {
  redis?.disconnect()
  await cluster?.stop()
})

const flush = () => Promise.all(cluster.nodes.map((node) => node.redis.flushall()))

const slotOf = (infoHash: Buffer) => calculateSlot(keys.swarm(infoHash.toString('hex')))
/** An announce waits for a second, which may have begun before the move, or pass while this process waits for its turn. */
const SLOW_MOVE_MS = 700
/** What moves slots gets its turn between those who announce, sweep and list. */
const BREATH_MS = 10

const peer = (i: number) => at(`10.0.${i >> 8}.${i & 255}`)

/** All keys with the nodes that have them. */
async function keysOfNodes(): Promise<Map<string, ClusterNode[]>> {
  const found = new Map<string, ClusterNode[]>()
  for (const node of cluster.nodes)
    for (const key of await node.redis.keys('*')) found.set(key, [...(found.get(key) ?? []), node])
  return found
}

describe('a Cluster', () => {
  it('keeps swarms of all masters, and answers announces and scrapes of all in their order', async () => {
    await flush()
    const store = storeOn(redis)
    const replies = await store.announce([
      ...HASHES.map((infoHash) => announceOf({ infoHash, isSeeder: true, endpoint: peer(1) })),
      ...HASHES.map((infoHash) => announceOf({ infoHash, endpoint: peer(2) })),
    ])
    expect(replies.map((reply) => reply.ok && [reply.seeders, reply.leechers])).toEqual([
      ...HASHES.map(() => [1, 0]),
      ...HASHES.map(() => [1, 1]),
    ])
    const unknown = hashOf('fff1')
    const counts = await store.scrape([...HASHES, unknown])
    expect(counts.slice(0, -1)).toEqual(HASHES.map(() => ({ seeders: 1, leechers: 1, completed: 0 })))
    expect(counts.at(-1)).toEqual({ seeders: 0, leechers: 0, completed: 0 })
    const nodes = await keysOfNodes()
    for (const node of cluster.nodes) expect([...nodes.values()].some(([own]) => own === node)).toBe(true)
    for (const infoHash of HASHES) {
      const key = keys.swarm(infoHash.toString('hex'))
      expect(nodes.get(key)).toEqual([await cluster.nodeOf(key)])
    }
    expect(await makeSwarmReader({ redis, keys }).totals()).toEqual({
      ...{ torrents: HASHES.length, seeders: HASHES.length, leechers: HASHES.length, completed: 0 },
    })
    const listed = await makeListing({ redis, keys }).page({ offset: 0, limit: 1000 })
    expect(listed.map(({ hex }) => hex)).toEqual(HASHES.map((hash) => hash.toString('hex')))
    const { faults } = await auditAll({ redis, keys, ...POLICY })
    expect(faults).toEqual([])
  })

  it('that does not say where its master is, as a lone node does, is refused with what to do', async () => {
    const lone = await startClusterOf(1, '--cluster-announce-ip', '')
    try {
      await expect(connectRedis(lone.url)).rejects.toThrow(
        /^the Cluster at \S+ does not say where its masters are\n.*cluster-announce-ip/,
      )
    } finally {
      await lone.stop()
    }
  })

  it('is ill while its nodes refuse all announces, since no master has one of the slots', async () => {
    const pulse = makePulse(redis, silentLog, askForAnnounces)
    const problem = async () => {
      await pulse.beat()
      return pulse.problem()
    }
    expect(await problem()).toBeUndefined()
    await Promise.all(cluster.nodes.map((node) => node.redis.call('CLUSTER', 'DELSLOTS', 0)))
    await until('it to be ill', async () => (await problem()) === 'failing_over')
    const [reply] = await storeOn(redis).announce([announceOf()])
    expect(reply).toEqual({ ok: false, refusal: 'failing_over' })
    await cluster.nodes[0]?.redis.call('CLUSTER', 'ADDSLOTS', 0)
    await until('it to be well', async () => (await problem()) === undefined, 20_000)
    await until('all nodes to be', cluster.isWhole, 20_000)
  })

  it('is well for a user who may not ask whether it is whole', async () => {
    for (const node of cluster.nodes)
      await node.redis.call('ACL', 'SETUSER', 'user', 'on', '>pass', '~*', '&*', '+@all', '-cluster|info')
    const own = await connectRedis(cluster.url.replace('://', '://user:pass@'))
    try {
      const pulse = makePulse(own, silentLog)
      await pulse.beat()
      expect(pulse.problem()).toBeUndefined()
    } finally {
      endConnection(own)
    }
  })

  it('is asked where a slot is as soon as a master says that it has moved', async () => {
    await flush()
    const store = storeOn(redis)
    const [infoHash] = HASHES as [(typeof HASHES)[number]]
    const slot = calculateSlot(keys.swarm(infoHash.toString('hex')))
    // More often than once, since it is asked every 5 s as well.
    for (const i of [1, 2, 1, 0]) {
      await cluster.moveSlot(slot, cluster.nodes[i] as ClusterNode)
      const [announced] = await store.announce([announceOf({ infoHash, endpoint: peer(i) })])
      expect(announced?.ok).toBe(true)
      expect((await store.scrape([infoHash]))[0]).toMatchObject({ completed: 0 })
    }
  })

  it('loses no peer, and answers nothing wrong, while slots move under announces', async () => {
    await flush()
    const hashes = HASHES.slice(0, 16)
    const frontends = Array.from({ length: 4 }, () => storeOn(redis))
    const [target, second] = cluster.nodes as [ClusterNode, ClusterNode]
    let isMoving = true
    let announced = 0
    const problems: unknown[] = []
    const refused = new Set<number>()
    /** Slots that were on the move for about as long as an announce waits for one: this machine has other things to do. */
    const slow = new Set<number>()
    // Each is made due again and again, and has no peer to remove: a sweep of half of a shard would take the rest for gone.
    const sweepAll = async (all: typeof hashes): Promise<void> => {
      const sweep = makeShardSweeper({ redis, keys, ...POLICY })
      while (isMoving) {
        for (const hash of all) {
          const hex = hash.toString('hex')
          await redis.zadd(keys.torrents(hex.slice(0, 3)), 'XX', 0, hex)
          problems.push(...(await sweep(hex.slice(0, 3))).damaged)
        }
        await sleep(BREATH_MS)
      }
    }
    const listAll = async (all: typeof hashes): Promise<void> => {
      await until('all torrents to be there', async () => (await listed()).length === all.length)
      while (isMoving) {
        if ((await listed()).length !== all.length) problems.push('a torrent is not listed')
        await sleep(BREATH_MS)
      }
    }
    const listed = () => makeListing({ redis, keys }).page({ offset: 0, limit: 1000 })
    /** What each peer of each swarm did last; each peer is one frontend's. */
    const last = new Map<string, { isSeeder: boolean; stopped: boolean }>()
    const announceSome = async (frontend: (typeof frontends)[number], first: number): Promise<void> => {
      while (isMoving) {
        const some = Array.from({ length: 64 }, (_, k) => {
          const infoHash = hashes[k % hashes.length] as (typeof hashes)[number]
          const number = first + Math.floor(Math.random() * 400)
          const event = Math.random() < 0.2 ? EVENT.stopped : Math.random() < 0.1 ? EVENT.completed : EVENT.none
          return {
            number,
            announce: announceOf({ infoHash, endpoint: peer(number), event, isSeeder: Math.random() < 0.5 }),
          }
        })
        // One announce of a peer at a time, as a client does.
        const own = [...new Map(some.map((each) => [`${each.announce.infoHash.toString('hex')} ${each.number}`, each]))]
        const replies = await frontend.announce(own.map(([, { announce }]) => announce))
        for (const [i, reply] of replies.entries()) {
          const [name, { announce }] = own[i] as (typeof own)[number]
          if (reply.ok) announced += 1
          else if (reply.refusal === 'failing_over') refused.add(slotOf(announce.infoHash))
          else problems.push(reply)
          if (!reply.ok) continue
          last.set(name, { isSeeder: announce.isSeeder, stopped: announce.event === EVENT.stopped })
        }
        await sleep(BREATH_MS)
      }
    }
    const load = frontends.map((frontend, i) => announceSome(frontend, 1000 * i))
    load.push(sweepAll(hashes), listAll(hashes))
    try {
      const slots = hashes.map(slotOf)
      const move = async (slot: number, to: ClusterNode): Promise<void> => {
        const startMs = performance.now()
        await cluster.moveSlot(slot, to, () => sleep(30))
        if (performance.now() - startMs > SLOW_MOVE_MS) slow.add(slot)
      }
      for (const slot of slots) await move(slot, target)
      for (const slot of slots) await move(slot, second)
    } finally {
      isMoving = false
      await Promise.all(load)
    }
    expect(problems).toEqual([])
    expect([...refused.difference(slow)], 'slots that moved fast, and were refused').toEqual([])
    expect(announced).toBeGreaterThan(5000)
    const { faults } = await auditAll({ redis, keys, ...POLICY })
    expect(faults).toEqual([])
    for (const [key, nodes] of await keysOfNodes()) expect([key, nodes.length]).toEqual([key, 1])
    for (const infoHash of hashes) {
      const hex = infoHash.toString('hex')
      const there = [...last].filter(([name, { stopped }]) => name.startsWith(hex) && !stopped)
      const swarm = await makeSwarmReader({ redis, keys }).swarm(infoHash, 10_000)
      const peers = swarm?.peers.map(({ endpoint, isSeeder }) => `${endpoint.toString('hex')} ${isSeeder}`)
      const expected = there.map(
        ([name, { isSeeder }]) => `${peer(Number(name.split(' ')[1])).toString('hex')} ${isSeeder}`,
      )
      expect(peers?.sort()).toEqual(expected.sort())
    }
  }, 90_000)
})
