import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { makeRandom } from '../../lib/random.ts'
import { auditAll } from '../../lib/store/audit.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { makeShardSweeper } from '../../lib/store/sweep.ts'
import type { StoredAnnounce } from '../../lib/swarm/store.ts'
import type { Event } from '../../lib/wire/announce.ts'
import { readSwarm } from '../support/read-swarm.ts'
import { useRedis } from '../support/redis.ts'
import { announceOf, at, hashOf, storeOn } from '../support/store.ts'

const SHARDS = ['a00', 'b00', 'c00', 'd00']
/** In each shard a swarm of hundreds of peers, some that grow and shrink past every change of layout, and tiny ones. */
const SWARMS = SHARDS.flatMap((shard) =>
  [700, 70, 14, 9, 2].map((peersMax, i) => ({ hash: hashOf(`${shard}${i}`), peersMax })),
)
/** The clock of these tests goes so many times as fast, so that peers expire while the traffic goes on. */
const CLOCK_SPEED = 400
const LIFETIME_S = 390

/** Traffic on a Redis until it is told to stop: announces of all kinds, and two sweepers. */
function startTraffic(redis: Redis, random: () => number) {
  const startMs = performance.now()
  const nowS = () => 1_764_000_000 + Math.floor(((performance.now() - startMs) * CLOCK_SPEED) / 1000)
  const store = storeOn(redis, { peerLifetimeS: LIFETIME_S }, nowS)
  const sweepShard = makeShardSweeper({ redis, keys: makeKeys(''), peerLifetimeS: LIFETIME_S, nowS })
  const seen = { announces: 0, refused: 0, removed: 0 }
  let isStopping = false
  const below = (max: number) => Math.floor(random() * max)
  const anyAnnounce = (): StoredAnnounce => {
    const { hash, peersMax } = SWARMS[below(SWARMS.length)] as (typeof SWARMS)[number]
    // A third of the peers at a time, so that the others fall silent.
    const number = 1 + 3 * below(peersMax / 3) + (Math.floor(nowS() / LIFETIME_S) % 3)
    return announceOf({
      ...{ infoHash: hash, isSeeder: random() < 0.5, event: below(4) as Event },
      endpoint: number % 4 === 0 ? at('2001:db8::7', number) : at('198.51.100.7', number),
    })
  }
  const announcer = async () => {
    while (!isStopping) {
      const replies = await store.announce(Array.from({ length: 64 }, anyAnnounce))
      seen.announces += replies.length
      seen.refused += replies.filter((reply) => !reply.ok).length
    }
  }
  const sweeper = async () => {
    while (!isStopping) {
      for (const shard of SHARDS) seen.removed += (await sweepShard(shard)).peersRemoved
      await sleep(5)
    }
  }
  const running = Promise.all([announcer(), announcer(), sweeper(), sweeper()])
  return {
    seen,
    audit: (repair = false) =>
      auditAll({ redis, keys: makeKeys(''), peerLifetimeS: LIFETIME_S, shards: SHARDS, nowS, repair }),
    async stop() {
      isStopping = true
      await running
    },
  }
}

/** Damages of some of a swarm's keys, at random, as somebody else's program would do it: without a look at the traffic. */
async function damageSomething(redis: Redis, random: () => number): Promise<void> {
  const below = (max: number) => Math.floor(random() * max)
  const hex = (SWARMS[below(SWARMS.length)] as (typeof SWARMS)[number]).hash.toString('hex')
  const shard = hex.slice(0, 3)
  const key = `swarm:{${shard}}:${hex}`
  const number = `000${below(3)}`
  const [list, count] = [['l4', 's4', 'l6', 's6'][below(4)], ['seeders', 'leechers', 'completed'][below(3)]]
  const ways: (() => Promise<unknown>)[] = [
    () => redis.hset(key, 'head', Buffer.alloc(below(26), below(3))),
    () => redis.hdel(key, 'head'),
    () => redis.hset(key, count as string, 'x'),
    () => redis.hset(key, `${list}:${number}`, at('203.0.113.1').subarray(0, below(7))),
    () => redis.hdel(key, `${list}:${number}`),
    () => redis.del(key),
    () => redis.set(key, 'x'),
    () => redis.del(`${key}:${list}:${number}`),
    () => redis.set(`${key}:${list}:${number}`, 'x'),
    () => redis.call('HSET', `${key}:${list}:${number}`, at('203.0.113.1'), Buffer.alloc(below(60), below(3))),
    () => redis.set(`${key}:done`, 'x'),
    () => redis.zadd(`${key}:done`, below(3), `member ${below(3)}`),
    () => redis.zrem(`torrents:{${shard}}`, hex),
    () => redis.zadd(`torrents:{${shard}}`, '+inf', hex),
    () => redis.zadd(`torrents:{${shard}}`, 1, `member ${below(3)}`),
    () => redis.set(`torrents:{${shard}}`, 'x'),
    () => redis.set(`totals:{${shard}}`, 'x'),
    () => redis.del(`totals:{${shard}}`),
    () => redis.hset(`totals:{${shard}}`, count as string, ['x', '-7', '99999999999999999999'][below(3)] as string),
  ]
  // What is of a wrong type already answers with an error: damaged it stays.
  await (ways[below(ways.length)] as (typeof ways)[number])().catch((error: Error) => {
    if (!error.message.startsWith('WRONGTYPE')) throw error
  })
}

describe('an audit while traffic goes on', () => {
  const server = useRedis()

  it('takes nothing that announces and sweeps do for a fault', async () => {
    const traffic = startTraffic(server().redis, makeRandom())
    let audits = 0
    const endMs = performance.now() + 3000
    try {
      while (performance.now() < endMs || audits < 4 || traffic.seen.removed < 100) {
        expect((await traffic.audit()).faults).toEqual([])
        audits += 1
      }
    } finally {
      await traffic.stop()
    }
    expect(traffic.seen.refused).toBe(0)
  })

  it('repairs whatever somebody damages, time and again, and then all is right', async () => {
    const { redis } = server()
    const random = makeRandom()
    const traffic = startTraffic(redis, random)
    let repaired = 0
    try {
      await sleep(300)
      for (let round = 0; round < 10; round++) {
        for (let i = 0; i < 15; i++) await damageSomething(redis, random)
        repaired += (await traffic.audit(true)).repaired
      }
      // One more, for what came after the last look at it; from now on nobody damages anything.
      await traffic.audit(true)
      const { refused } = traffic.seen
      expect((await traffic.audit()).faults).toEqual([])
      await sleep(300)
      expect((await traffic.audit()).faults).toEqual([])
      expect(refused).toBeGreaterThan(0)
      expect(traffic.seen.refused).toBe(refused)
    } finally {
      await traffic.stop()
    }
    expect(repaired).toBeGreaterThan(100)
    let peers = 0
    for (const { hash } of SWARMS) peers += (await readSwarm(redis, hash.toString('hex')))?.peers.size ?? 0
    assert(peers > 200, `${peers} peers`)
    expect((await traffic.audit()).drift).toBe(0)
  })
})
