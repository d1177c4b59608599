import { describe, expect, it } from 'vitest'
import { makeKeys } from '../../lib/store/keys.ts'
import { makeSwarmReader } from '../../lib/store/reader.ts'
import { EVENT, makeReport } from '../../lib/wire/announce.ts'
import { endpointText } from '../../lib/wire/endpoint.ts'
import { readSwarm } from '../support/read-swarm.ts'
import { useRedis } from '../support/redis.ts'
import { announceOf, at, hashOf, storeOn } from '../support/store.ts'

const A = hashOf('a')
const KEY = `swarm:{a00}:${A.toString('hex')}`

describe('announces in the store', () => {
  const server = useRedis()

  it('counts a leecher as a seeder once it announces left = 0', async () => {
    const store = storeOn(server().redis)
    await store.announce([announceOf()])
    const [reply] = await store.announce([announceOf({ isSeeder: true })])
    expect(reply).toMatchObject({ seeders: 1, leechers: 0, completed: 0 })
  })

  it('counts a completed download once for an endpoint, however it is told again', async () => {
    const store = storeOn(server().redis)
    const events = [EVENT.completed, EVENT.completed, EVENT.started, EVENT.completed, EVENT.stopped, EVENT.completed]
    for (const event of events) await store.announce([announceOf({ isSeeder: true, event })])
    const [leecher] = await store.announce([announceOf({ endpoint: at('192.0.2.2'), event: EVENT.completed })])
    expect(leecher).toMatchObject({ completed: 1 })
  })

  it('creates nothing for a peer that stops without having been there', async () => {
    const [reply] = await storeOn(server().redis).announce([announceOf({ event: EVENT.stopped })])
    expect(reply).toMatchObject({ ok: true, seeders: 0, leechers: 0 })
    expect(await server().redis.dbsize()).toBe(0)
  })

  it('leaves nothing behind of a swarm whose last peer stops, but what was completed', async () => {
    const store = storeOn(server().redis)
    await store.announce([announceOf(), announceOf({ event: EVENT.stopped })])
    expect(await server().redis.keys('*')).toEqual(['totals:{a00}'])
    expect(Object.values(await server().redis.hgetall('totals:{a00}'))).toEqual(['0', '0'])
    await store.announce([announceOf({ isSeeder: true, event: EVENT.completed }), announceOf({ event: EVENT.stopped })])
    expect(await server().redis.hmget(KEY, 'seeders', 'leechers', 'completed')).toEqual(['0', '0', '1'])
  })

  it('serves only listed torrents where it is told to', async () => {
    const store = storeOn(server().redis, { listed: true })
    await server().redis.sadd('whitelist:{a00}', A.toString('hex'))
    const [listed, unlisted] = await store.announce([announceOf(), announceOf({ infoHash: hashOf('b') })])
    expect(listed).toMatchObject({ ok: true, leechers: 1 })
    expect(unlisted).toEqual({ ok: false, refusal: 'unlisted' })
    expect(await server().redis.exists(`swarm:{b00}:${hashOf('b').toString('hex')}`)).toBe(0)
  })

  it('tells zeros of the peers of a torrent that is not listed, for as long as it is not', async () => {
    const { redis } = server()
    const B = hashOf('b')
    await storeOn(redis).announce([announceOf(), announceOf({ infoHash: B })])
    await redis.sadd('whitelist:{a00}', A.toString('hex'))
    const [none, own] = [0, 1].map((leechers) => ({ seeders: 0, leechers, completed: 0 }))
    const listed = storeOn(redis, { listed: true })
    expect(await listed.scrape([A, B, hashOf('c')])).toEqual([own, none, none])
    expect(await storeOn(redis).scrape([A, B])).toEqual([own, own])
    await redis.sadd('whitelist:{b00}', B.toString('hex'))
    expect(await listed.scrape([B])).toEqual([own])
    await redis.set('whitelist:{c00}', 'damaged')
    expect(await listed.scrape([A, hashOf('c')])).toEqual([own, 'damaged'])
  })

  it.each([3, 40, 300])('tells peer ids where they are asked for, in a swarm of %i', async (peers) => {
    const store = storeOn(server().redis)
    const ids = new Map<string, string>()
    const announces = Array.from({ length: peers }, (_, i) => {
      const id = `-RS0001-${String(i).padStart(12, '0')}`
      const endpoint = at('192.0.2.1', 1000 + i)
      ids.set(endpoint.toString('hex'), id)
      return announceOf({ endpoint, isSeeder: i % 2 === 0, report: makeReport(Buffer.from(id), 0n, BigInt(i % 2), 0n) })
    })
    await store.announce(announces)
    const [reply] = await store.announce([
      { ...(announces[1] as (typeof announces)[number]), wantsPeerIds: true, numwant: 20 },
    ])
    const told = reply?.ok ? reply.peers : Buffer.alloc(0)
    expect(told.length).toBe(26 * Math.min(20, peers - 1))
    for (let i = 0; i < told.length; i += 26) {
      const endpoint = told.toString('hex', i, i + 6)
      expect(endpoint).not.toBe(announces[1]?.endpoint.toString('hex'))
      expect(told.toString('latin1', i + 6, i + 26)).toBe(ids.get(endpoint))
    }
  })

  it.each([9, 40])('tells a leecher of seeders only where there are enough of them, of %i peers', async (peers) => {
    const store = storeOn(server().redis)
    const seeders = Array.from({ length: peers - 3 }, (_, i) =>
      announceOf({ endpoint: at('198.51.100.7', 1 + i), isSeeder: true }),
    )
    const leechers = [1, 2, 3].map((i) => announceOf({ endpoint: at('198.51.100.8', i), numwant: 4 }))
    await store.announce([...seeders, ...leechers])
    const known = new Set(seeders.map(({ endpoint }) => endpoint.toString('hex')))
    for (const reply of await store.announce(leechers)) {
      const told = reply.ok ? reply.peers : Buffer.alloc(0)
      expect(told.length).toBeGreaterThanOrEqual(4 * 6)
      for (let k = 0; k < told.length; k += 6) expect(known).toContain(told.toString('hex', k, k + 6))
    }
  })

  it('hands out every peer of a large swarm, each about as often as any other', async () => {
    const store = storeOn(server().redis)
    const crowd = Array.from({ length: 500 }, (_, i) =>
      announceOf({ endpoint: at('198.51.100.7', 1 + i), isSeeder: true }),
    )
    await store.announce(crowd)
    const times = new Map<string, number>()
    for (let i = 0; i < 400; i++) {
      const [reply] = await store.announce([announceOf({ numwant: 50 })])
      const told = reply?.ok ? reply.peers : Buffer.alloc(0)
      for (let k = 0; k < told.length; k += 6) {
        const endpoint = told.toString('hex', k, k + 6)
        times.set(endpoint, (times.get(endpoint) ?? 0) + 1)
      }
    }
    expect(times.size).toBe(500)
    const counts = [...times.values()].sort((a, b) => a - b)
    expect((counts[450] as number) / (counts[50] as number)).toBeLessThan(5)
  })

  it.each([450, 2000])('spreads %i ports or IPv6 addresses of one host over the chunks of a swarm', async (peers) => {
    const store = storeOn(server().redis)
    const byPort = Array.from({ length: peers }, (_, i) => announceOf({ endpoint: at('203.0.113.9', 1 + i * 16) }))
    const byAddress = Array.from({ length: peers }, (_, i) =>
      announceOf({ infoHash: hashOf('b'), endpoint: at(`2001:db8::${i.toString(16)}:0:0:1`) }),
    )
    for (const crowd of [byPort, byAddress]) await store.announce(crowd)
    for (const [hash, list] of [
      [A, 'l4'],
      [hashOf('b'), 'l6'],
    ] as const) {
      const chunks = await server().redis.keys(`swarm:*:${hash.toString('hex')}:${list}:*`)
      const sizes = await Promise.all(chunks.map((chunk) => server().redis.hlen(chunk)))
      expect(Math.max(...sizes)).toBeLessThan(112)
      expect(chunks.length).toBeLessThan(peers / 14)
    }
  })

  it('adds to an account what its peers moved, never below zero and never twice', async () => {
    const store = storeOn(server().redis)
    const moved = (uploaded: bigint, downloaded: bigint, changes = {}) =>
      announceOf({ passkey: 'alice', report: makeReport(Buffer.alloc(20), downloaded, 5n, uploaded), ...changes })
    await store.announce([moved(100n, 10n), moved(150n, 30n), moved(150n, 30n)])
    await store.announce([moved(0n, 0n, { event: EVENT.started }), moved(7n, 1n), moved(9n, 1n, { isSeeder: true })])
    await store.announce([moved(20n, 1n, { event: EVENT.stopped })])
    expect(await server().redis.hgetall('accounts:{a00}')).toEqual({
      'alice:up': String(50 + 20),
      'alice:down': String(20 + 1),
    })
  })

  it('keeps no details where it is told not to', async () => {
    const store = storeOn(server().redis, { peerDetails: false })
    await store.announce([announceOf({ isSeeder: true })])
    expect(
      (await readSwarm(server().redis, A.toString('hex')))?.peers.get(at('192.0.2.1').toString('hex'))?.length,
    ).toBe(5)
    const swarm = await makeSwarmReader({ redis: server().redis, keys: makeKeys('') }).swarm(A, 10)
    expect(swarm?.peers).toMatchObject([{ isSeeder: true, details: undefined }])
  })

  it('keeps trackers with different prefixes apart in one Redis', async () => {
    const [one, other] = ['one:', 'other:'].map((prefix) => storeOn(server().redis, {}, undefined, prefix))
    await one?.announce([announceOf({ isSeeder: true })])
    expect(await other?.scrape([A])).toEqual([{ seeders: 0, leechers: 0, completed: 0 }])
    expect(await one?.scrape([A])).toEqual([{ seeders: 1, leechers: 0, completed: 0 }])
    expect((await server().redis.keys('*')).every((key) => key.startsWith('one:'))).toBe(true)
  })

  it('refuses only the announces of a damaged swarm, and names its key', async () => {
    const { redis } = server()
    await redis.hset(KEY, 'head', 'too short')
    await redis.set(`swarm:{c00}:${hashOf('c').toString('hex')}`, 'a string')
    const store = storeOn(redis)
    const replies = await store.announce(['b', 'a', 'c', 'd'].map((digit) => announceOf({ infoHash: hashOf(digit) })))
    expect(replies.map((reply) => (reply.ok ? 'ok' : reply.refusal))).toEqual(['ok', 'damaged', 'damaged', 'ok'])
    expect(await store.scrape([A, hashOf('b'), hashOf('c')])).toEqual([
      'damaged',
      { seeders: 0, leechers: 1, completed: 0 },
      'damaged',
    ])
  })

  it.each(['totals:{a00}', 'torrents:{a00}'])('stores nothing of a new swarm where %s is damaged', async (damaged) => {
    const { redis } = server()
    await redis.set(damaged, 'a string')
    const [reply] = await storeOn(redis).announce([announceOf()])
    expect(reply).toEqual({ ok: false, refusal: 'damaged' })
    expect(await redis.keys('*')).toEqual([damaged])
  })

  it('applies nothing of a completed download where its memory is damaged', async () => {
    const { redis } = server()
    await redis.set(`${KEY}:done`, 'a string')
    const [reply] = await storeOn(redis).announce([announceOf({ isSeeder: true, event: EVENT.completed })])
    expect(reply).toEqual({ ok: false, refusal: 'damaged' })
    expect(await redis.exists(KEY)).toBe(0)
  })

  it('finds the few peers that are left of a large swarm, whose others have stopped', async () => {
    const store = storeOn(server().redis)
    const crowd = Array.from({ length: 6000 }, (_, i) =>
      announceOf({ endpoint: at('198.51.100.7', 1 + i), numwant: 0 }),
    )
    await store.announce(crowd)
    await store.announce(crowd.slice(60).map((announce) => ({ ...announce, event: EVENT.stopped })))
    const [reply] = await store.announce([announceOf({ isSeeder: true, numwant: 100 })])
    expect(reply).toMatchObject({ leechers: 60, seeders: 1 })
    expect(reply?.ok && reply.peers.length / 6).toBe(60)
  })

  it('tells no id of a peer that was kept without details, and credits nothing to it', async () => {
    const { redis } = server()
    await storeOn(redis, { peerDetails: false }).announce([announceOf({ isSeeder: true })])
    const store = storeOn(redis)
    const asking = announceOf({ endpoint: at('192.0.2.2'), wantsPeerIds: true })
    const [reply] = await store.announce([asking])
    expect(reply?.ok && reply.peers.length).toBe(0)
    const [again] = await store.announce([announceOf({ isSeeder: true, passkey: 'alice' })])
    expect(again).toMatchObject({ ok: true, seeders: 1 })
    const [told] = await store.announce([asking])
    expect(told?.ok && told.peers.length).toBe(26)
  })

  it('reads a swarm with its peers for people', async () => {
    const store = storeOn(server().redis)
    await store.announce([announceOf({ isSeeder: true }), announceOf({ endpoint: at('2001:db8::1', 51413) })])
    const reader = makeSwarmReader({ redis: server().redis, keys: makeKeys('') })
    const swarm = await reader.swarm(A, 10)
    expect(swarm).toMatchObject({ seeders: 1, leechers: 1, completed: 0 })
    expect(swarm?.peers.map(({ endpoint }) => endpointText(endpoint)).sort()).toEqual([
      '192.0.2.1:6881',
      '[2001:db8::1]:51413',
    ])
    expect(await reader.totals()).toEqual({ torrents: 1, seeders: 1, leechers: 1, completed: 0 })
    expect(await reader.swarm(hashOf('b'), 10)).toBeUndefined()
  })
})
