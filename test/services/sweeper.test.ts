import { describe, expect, it } from 'vitest'
import { makeKeys, shardNames } from '../../lib/store/keys.ts'
import { writeRanks } from '../../lib/store/ranks.ts'
import { askSweepPermit, makeShardSweeper, markServed } from '../../lib/store/sweep.ts'
import { makeShardWalker } from '../../lib/store/walk.ts'
import { EVENT } from '../../lib/wire/announce.ts'
import { ROLES } from '../../services/roles.ts'
import { rankAll } from '../../services/sweeper/rank.ts'
import { sweepAll } from '../../services/sweeper/sweep.ts'
import { untilJobDone } from '../support/jobs.ts'
import { readSwarm } from '../support/read-swarm.ts'
import { startRedis, until, useRedis } from '../support/redis.ts'
import { announceOf, at, hashOf, silentLog, storeOn } from '../support/store.ts'
import { withTracker } from '../support/tracker.ts'

const SHORT = {
  REDSWARM_ANNOUNCE_INTERVAL_S: '1',
  REDSWARM_ANNOUNCE_MIN_INTERVAL_S: '1',
  REDSWARM_PEER_LIFETIME_S: '4',
  REDSWARM_SWEEP_INTERVAL_S: '1',
}
const keys = makeKeys('')

describe('the sweeper', () => {
  const server = useRedis()

  it('evicts peers that fell silent, and the torrents that they leave empty', () =>
    withTracker(server().url, { roles: ['sweeper'], settings: SHORT }, async () => {
      const { redis } = server()
      const store = storeOn(redis, { peerLifetimeS: 4 })
      await store.announce([
        announceOf(),
        announceOf({ infoHash: hashOf('b'), isSeeder: true, event: EVENT.completed }),
      ])
      await until(
        'the first to be gone',
        async () => (await redis.exists(`swarm:{a00}:${hashOf('a').toString('hex')}`)) === 0,
        15_000,
      )
      const isEmpty = async () => (await redis.hget(`swarm:{b00}:${hashOf('b').toString('hex')}`, 'seeders')) === '0'
      await until('the second to be empty', isEmpty, 15_000)
      expect(await store.scrape([hashOf('a'), hashOf('b')])).toEqual([
        { seeders: 0, leechers: 0, completed: 0 },
        { seeders: 0, leechers: 0, completed: 1 },
      ])
      expect(await redis.zcard('torrents:{a00}')).toBe(0)
    }))

  it('has a job again where the next one is lost', () =>
    withTracker(server().url, { roles: ['sweeper'], settings: SHORT }, async () => {
      const { redis } = server()
      await untilJobDone(redis)
      const nameOf = (part: string) => `${keys.jobs}:sweeper:${part}`
      // One that is in work has made the next.
      await until('no job to be left', async () => {
        await redis.del(...['delayed', 'wait', 'marker'].map(nameOf))
        return (await redis.llen(nameOf('active'))) === 0
      })
      await untilJobDone(redis, 10_000)
    }))

  it('has BullMQ keep few events of jobs', () =>
    withTracker(server().url, { roles: ['sweeper'], settings: SHORT }, async () => {
      const { redis } = server()
      await untilJobDone(redis)
      const events = `${keys.jobs}:sweeper:events`
      for (let i = 0; i < 1000; i++) await redis.xadd(events, '*', 'event', 'of before')
      await untilJobDone(redis)
      // Trimmed by whole nodes of the stream, of a hundred entries each.
      expect(await redis.xlen(events)).toBeLessThan(300)
    }))

  it('waits an announce interval after an outage, so that clients can be heard again', async () => {
    const { redis } = server()
    const intervals = { sweepIntervalS: 60, announceIntervalS: 1980 }
    const [nowS] = (await redis.time()).map(Number) as [number]
    await redis.hset(keys.sweeper, { swept: nowS - 3600, served: nowS - 1 })
    expect(await askSweepPermit(redis, keys, intervals)).toBe(1)
    await redis.hset(keys.sweeper, { served: nowS - 61 })
    const waitS = await askSweepPermit(redis, keys, intervals)
    expect(waitS).toBeGreaterThanOrEqual(-1980)
    expect(waitS).toBeLessThan(-1970)
    await redis.hset(keys.sweeper, { served: nowS })
    expect(await askSweepPermit(redis, keys, intervals)).toBeLessThan(-1970)
    await redis.hset(keys.sweeper, { hold: nowS - 1 })
    expect(await askSweepPermit(redis, keys, intervals)).toBe(1)
  })

  it('sweeps in pieces that look at few peers, and comes through a large swarm', async () => {
    const { redis } = server()
    let nowS = 1_764_000_000
    const store = storeOn(redis, { peerLifetimeS: 3900 }, () => nowS)
    await store.announce(
      Array.from({ length: 3000 }, (_, i) => announceOf({ endpoint: at('198.51.100.1', 1 + i), numwant: 0 })),
    )
    nowS += 3901
    await store.announce(
      Array.from({ length: 10 }, (_, i) => announceOf({ endpoint: at('198.51.100.1', 1 + i), numwant: 0 })),
    )
    const sweepShard = makeShardSweeper({ redis, keys, peerLifetimeS: 3900, nowS: () => nowS })
    const report = await sweepAll({ shards: shardNames(), sweepShard, isStopping: () => false, log: silentLog })
    expect(report).toMatchObject({ peersRemoved: 2990, torrentsDropped: 0, damaged: 0 })
    expect(report.pieces).toBeGreaterThanOrEqual(4096 + 9)
    const swarm = await readSwarm(redis, hashOf('a').toString('hex'))
    expect(swarm?.counts).toEqual({ seeders: 0, leechers: 10, completed: 0 })
    expect(Math.max(...(swarm?.chunks ?? []))).toBeLessThanOrEqual(2)
  })

  it('comes to an end in a swarm whose peers expired while it was half swept', async () => {
    const { redis } = server()
    let nowS = 1_764_000_000
    const store = storeOn(redis, {}, () => nowS)
    const completed = Array.from({ length: 100 }, (_, i) =>
      announceOf({ endpoint: at('198.51.100.1', 1 + i), isSeeder: true, event: EVENT.completed, numwant: 0 }),
    )
    // Of IPv6: their list comes after the seeders', so that the first piece ends between the two.
    const leechers = Array.from({ length: 600 }, (_, i) =>
      announceOf({ endpoint: at(`2001:db8::${(1 + i).toString(16)}`), numwant: 0 }),
    )
    await store.announce([...completed, ...leechers])
    nowS += 3800
    await store.announce(completed.map((announce) => ({ ...announce, event: EVENT.none })))
    nowS += 101
    const sweepShard = makeShardSweeper({ redis, keys, peerLifetimeS: 3900, nowS: () => nowS })
    expect((await sweepShard('a00')).hasMore).toBe(true)
    nowS += 7200
    let pieces = 0
    while ((await sweepShard('a00')).hasMore) expect(++pieces).toBeLessThan(50)
    nowS += 3901
    while ((await sweepShard('a00')).hasMore) expect(++pieces).toBeLessThan(50)
    const swarm = await readSwarm(redis, hashOf('a').toString('hex'))
    expect(swarm?.counts).toEqual({ seeders: 0, leechers: 0, completed: 100 })
  })

  it('forgets a completed download a lifetime later, also in a swarm that empties and fills again and again', async () => {
    const { redis } = server()
    let nowS = 1_764_000_000
    const store = storeOn(redis, {}, () => nowS)
    const sweepShard = makeShardSweeper({ redis, keys, peerLifetimeS: 3900, nowS: () => nowS })
    for (let round = 0; round < 60; round++) {
      const peer = announceOf({ endpoint: at('198.51.100.1', 1 + round), isSeeder: true, event: EVENT.completed })
      await store.announce([peer])
      nowS += 600
      await store.announce([{ ...peer, event: EVENT.stopped }])
      while ((await sweepShard('a00')).hasMore);
      nowS += 100
    }
    const swarm = await readSwarm(redis, hashOf('a').toString('hex'))
    expect(swarm?.done.size).toBeLessThanOrEqual(2 * Math.ceil(3900 / 700))
  })

  it('frees memory where Redis has no more to give', async () => {
    const full = await startRedis('--maxmemory-policy', 'noeviction')
    try {
      let nowS = 1_764_000_000
      const store = storeOn(full.redis, {}, () => nowS)
      await store.announce(Array.from({ length: 50 }, (_, i) => announceOf({ endpoint: at('198.51.100.1', 1 + i) })))
      await full.redis.config('SET', 'maxmemory', '1')
      const [refused] = await store.announce([announceOf()])
      expect(refused).toMatchObject({ ok: false })
      nowS += 4000
      const sweepShard = makeShardSweeper({ redis: full.redis, keys, peerLifetimeS: 3900, nowS: () => nowS })
      expect(await sweepShard('a00')).toMatchObject({ peersRemoved: 50, torrentsDropped: 1 })
      expect(await askSweepPermit(full.redis, keys, { sweepIntervalS: 60, announceIntervalS: 60 })).toBe(1)
    } finally {
      await full.stop()
    }
  })

  it('evicts peers also where Redis is full, so that the job queue can write nothing', async () => {
    const full = await startRedis('--maxmemory-policy', 'noeviction')
    const key = `swarm:{a00}:${hashOf('a').toString('hex')}`
    await withTracker(full.url, { roles: ['sweeper'], settings: SHORT }, async () => {
      await storeOn(full.redis, { peerLifetimeS: 4 }).announce([announceOf()])
      await full.redis.config('SET', 'maxmemory', '1')
      await until('the peer to be evicted', async () => (await full.redis.exists(key)) === 0, 20_000)
      await full.redis.config('SET', 'maxmemory', '0')
    }).finally(full.stop)
  })

  it('starts where Redis is full, as the other roles do, makes room, and has its schedule when there is some', async () => {
    const full = await startRedis('--maxmemory-policy', 'noeviction')
    const key = `swarm:{a00}:${hashOf('a').toString('hex')}`
    const isGone = async () => (await full.redis.exists(key)) === 0
    const isScheduled = async () => (await full.redis.zcard(`${keys.jobs}:sweeper:repeat`)) === 2
    try {
      await withTracker(full.url, { settings: SHORT }, () =>
        storeOn(full.redis, { peerLifetimeS: 4 }).announce([announceOf()]),
      )
      await full.redis.config('SET', 'maxmemory', '1')
      await withTracker(full.url, { roles: [...ROLES], settings: SHORT }, async () => {
        await until('room', isGone, 20_000)
        expect(await isScheduled()).toBe(false)
        await full.redis.config('SET', 'maxmemory', '0')
        await until('the schedule', isScheduled)
      })
    } finally {
      await full.stop()
    }
  }, 40_000)

  it('waits after an outage of the frontends, as their first mark tells', async () => {
    const { redis } = server()
    const intervals = { sweepIntervalS: 60, announceIntervalS: 1980 }
    const [nowS] = (await redis.time()).map(Number) as [number]
    await redis.hset(keys.sweeper, { swept: nowS - 61, served: nowS - 61 })
    await markServed(redis, keys, intervals)
    expect(await askSweepPermit(redis, keys, intervals)).toBeLessThan(-1970)
    await redis.hset(keys.sweeper, { swept: nowS - 60, served: nowS - 59, hold: 0 })
    await markServed(redis, keys, intervals)
    expect(await askSweepPermit(redis, keys, intervals)).toBe(1)
  })

  it('passes over a damaged swarm, tells of it, and sweeps the others of its shard', async () => {
    const { redis } = server()
    let nowS = 1_764_000_000
    const store = storeOn(redis, {}, () => nowS)
    await store.announce([announceOf({ infoHash: hashOf('a001') }), announceOf({ infoHash: hashOf('a002') })])
    await redis.set(`swarm:{a00}:${hashOf('a001').toString('hex')}`, 'damaged')
    nowS += 4000
    const sweepShard = makeShardSweeper({ redis, keys, peerLifetimeS: 3900, nowS: () => nowS })
    const piece = await sweepShard('a00')
    expect(piece).toMatchObject({ peersRemoved: 1, torrentsDropped: 1 })
    expect(piece.damaged).toHaveLength(1)
    expect(piece.damaged[0]).toContain(hashOf('a001').toString('hex'))
  })

  it('ranks the best torrents from a walk over all', async () => {
    const { redis } = server()
    const store = storeOn(redis)
    const crowd = (digits: string, peers: number, isSeeder: boolean) =>
      Array.from({ length: peers }, (_, i) =>
        announceOf({ infoHash: hashOf(digits), endpoint: at('198.51.100.1', 1 + i), isSeeder, numwant: 0 }),
      )
    await store.announce([...crowd('a', 3, true), ...crowd('b', 5, true), ...crowd('c', 4, false)])
    const walkShard = makeShardWalker({ redis, keys })
    const ranking = { shards: shardNames(), walkShard, isStopping: () => false }
    await rankAll({ ...ranking, writeRanks: (by, ranked) => writeRanks(redis, keys, by, ranked) })
    const seeders = await redis.zrange('ranks:{seeders}', '0', '-1', 'REV', 'WITHSCORES')
    expect(seeders).toEqual([hashOf('b').toString('hex'), '5', hashOf('a').toString('hex'), '3'])
    expect(await redis.zrange('ranks:{leechers}', '0', '-1')).toEqual([hashOf('c').toString('hex')])
    expect(await redis.exists('ranks:{completed}')).toBe(0)
  })

  it('lists a shard in the order of its info hashes', async () => {
    const { redis } = server()
    const store = storeOn(redis)
    const digits = Array.from({ length: 600 }, (_, i) => `abc${((i * 7919) % 4096).toString(16).padStart(3, '0')}`)
    for (let i = 0; i < digits.length; i += 60)
      await store.announce(digits.slice(i, i + 60).map((each) => announceOf({ infoHash: hashOf(each) })))
    const listed = await makeShardWalker({ redis, keys })('abc')
    expect(listed.map(({ hex }) => hex)).toEqual(digits.map((each) => hashOf(each).toString('hex')).sort())
  })
})
