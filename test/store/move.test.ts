import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RedisClient } from '../../lib/store/client.ts'
import { connectRedis } from '../../lib/store/connect.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { makeLineWriter } from '../../lib/store/move/lines.ts'
import { EXPORTED } from '../../lib/store/move/progress.ts'
import { makeSwarmReader } from '../../lib/store/reader.ts'
import { EVENT, makeReport } from '../../lib/wire/announce.ts'
import { endpointText } from '../../lib/wire/endpoint.ts'
import { startCluster, type TestCluster } from '../support/cluster.ts'
import { drift, exported, fill, imported } from '../support/move.ts'
import { useRedis } from '../support/redis.ts'
import { announceOf, at, hashOf, storeOn } from '../support/store.ts'
import { trackerState } from '../support/tracker-state.ts'

/** What could be taken for a pattern, or for an end. */
const PREFIX = 'odd*[pre]fix?\\"\n: '

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

describe('an export', () => {
  it('is the same tracker in a Cluster and in one Redis again, under another prefix', async () => {
    const from = { redis: server().redis, keys: makeKeys(PREFIX) }
    await fill(from)
    const before = await trackerState(from.redis, from.keys)
    expect(Object.keys(before.swarms).length).toBeGreaterThan(290)
    expect(before.totals.seeders + before.totals.leechers).toBeGreaterThan(4000)

    const first = await exported(from, { withSecret: true })
    const { torrents, seeders, leechers } = before.totals
    expect(first.report).toMatchObject({
      torrents,
      peers: seeders + leechers,
      whitelist: 50,
      keys: 2,
      bans: 3,
      damagedCount: 0,
    })
    const middle = { redis: clusterRedis, keys: makeKeys('') }
    const report = await imported(middle, first.text)
    expect(report.torrents).toMatchObject({ rows: torrents, added: torrents })
    expect(report.peers).toMatchObject({ rows: seeders + leechers, added: seeders + leechers })
    expect(report.accounts).toMatchObject({ rows: 4, added: 4 })
    expect(report.reports).toMatchObject({ rows: 4, added: 4 })
    expect(before.reports).toHaveLength(4)
    expect(report).toMatchObject({
      secret: 'taken',
      problems: [],
      end: { torrents, bans: 3, denied: 2, clients: 3, accounts: 4 },
    })
    expect(await trackerState(middle.redis, middle.keys)).toEqual(before)
    expect(await drift(middle)).toEqual([])

    const back = { redis: server().redis, keys: makeKeys('back:') }
    await imported(back, (await exported(middle)).text)
    expect(await trackerState(back.redis, back.keys)).toEqual(before)
    expect(await drift(back)).toEqual([])
  })

  it('changes nothing when it is imported again', async () => {
    const place = { redis: server().redis, keys: makeKeys('') }
    await fill(place)
    const before = await trackerState(place.redis, place.keys)
    const { text } = await exported(place)
    const report = await imported(place, text)
    for (const name of EXPORTED) expect([name, report[name].unchanged]).toEqual([name, report[name].rows])
    expect(await trackerState(place.redis, place.keys)).toEqual(before)
    expect(await drift(place)).toEqual([])
  })
})

describe('two trackers that become one', () => {
  const first = () => ({ redis: server().redis, keys: makeKeys('first:') })
  const second = () => ({ redis: server().redis, keys: makeKeys('second:') })
  const now = async () => Number((await server().redis.time())[0])
  const hash = hashOf('a')
  const peersOf = async ({ redis, keys }: ReturnType<typeof first>) => {
    const swarm = await makeSwarmReader({ redis, keys }).swarm(hash, 1000)
    return swarm && Object.fromEntries(swarm.peers.map((peer) => [endpointText(peer.endpoint), peer]))
  }

  it('have of each peer the later announce, in the role of that', async () => {
    const nowS = await now()
    const earlier = storeOn(server().redis, {}, () => nowS - 200, 'first:')
    const later = storeOn(server().redis, {}, () => nowS - 100, 'second:')
    for (const store of [earlier, later]) {
      const isSeeder = store === later
      await store.announce([
        announceOf({ endpoint: at('192.0.2.1'), isSeeder }),
        announceOf({ endpoint: at(store === earlier ? '192.0.2.2' : '192.0.2.3') }),
      ])
    }
    const { text: ofFirst } = await exported(first())
    const { text: ofSecond } = await exported(second())
    expect((await imported(second(), ofFirst)).peers).toMatchObject({ rows: 2, added: 1, unchanged: 1 })
    expect((await imported(first(), ofSecond)).peers).toMatchObject({ rows: 2, added: 1, changed: 1 })
    for (const place of [first(), second()]) {
      expect(await peersOf(place)).toMatchObject({
        '192.0.2.1:6881': { isSeeder: true, announcedS: nowS - 100 },
        '192.0.2.2:6881': { isSeeder: false, announcedS: nowS - 200 },
        '192.0.2.3:6881': { isSeeder: false, announcedS: nowS - 100 },
      })
      expect(await drift(place)).toEqual([])
    }
  })

  it('count at least as many completed downloads as each, and as are remembered', async () => {
    const seeders = (from: number, many: number) =>
      Array.from({ length: many }, (_, i) =>
        announceOf({ endpoint: at('192.0.2.9', from + i), isSeeder: true, event: EVENT.completed }),
      )
    await storeOn(server().redis, {}, undefined, 'first:').announce(seeders(1, 3))
    await storeOn(server().redis, {}, undefined, 'second:').announce(seeders(3, 4))
    await imported(second(), (await exported(first())).text)
    const [counts] = await storeOn(server().redis, {}, undefined, 'second:').scrape([hash])
    expect(counts).toEqual({ seeders: 6, leechers: 0, completed: 6 })
    expect(await drift(second())).toEqual([])
    // Who has completed is not counted again.
    await storeOn(server().redis, {}, undefined, 'second:').announce(seeders(1, 6))
    expect(await storeOn(server().redis, {}, undefined, 'second:').scrape([hash])).toEqual([counts])
  })

  it('keep nothing of peers that have expired, nor of a time that is yet to come', async () => {
    const nowS = await now()
    for (const [agoS, address, letter] of [
      [4000, '192.0.2.1', 'a'],
      [4000, '192.0.2.1', 'b'],
      [-500, '192.0.2.2', 'a'],
    ] as const)
      await storeOn(server().redis, {}, () => nowS - agoS, 'first:').announce([
        announceOf({ infoHash: hashOf(letter), endpoint: at(address) }),
      ])
    const report = await imported(second(), (await exported(first())).text)
    expect(report.peers).toMatchObject({ rows: 3, added: 1, expired: 2 })
    expect(report.torrents).toMatchObject({ rows: 2, added: 1, expired: 1 })
    const peers = await peersOf(second())
    expect(Object.keys(peers ?? {})).toEqual(['192.0.2.2:6881'])
    expect(peers?.['192.0.2.2:6881']?.announcedS).toBeLessThanOrEqual(nowS + 60)
    expect(await drift(second())).toEqual([])
  })

  it('leave out what peers tell of themselves where the new one does not keep it', async () => {
    await storeOn(server().redis, {}, undefined, 'first:').announce([announceOf()])
    await imported(second(), (await exported(first())).text, { peerDetails: false })
    expect((await peersOf(second()))?.['192.0.2.1:6881']).toMatchObject({ isSeeder: false, details: undefined })
    expect(await drift(second())).toEqual([])
  })

  it('have of accounts and counters the larger number of each', async () => {
    const { redis } = server()
    const key = 'k'.repeat(32)
    for (const [prefix, up, down, announces] of [
      ['first:', '9', `${2n ** 60n}`, 100],
      ['second:', '10', `${2n ** 60n - 1n}`, 99],
    ] as const) {
      await redis.hset(`${prefix}accounts:{0ab}`, { [`${key}:up`]: up, [`${key}:down`]: down })
      await redis.hset(`${prefix}stats`, { udp4_announces: announces, udp4_scrapes: 100 - announces })
    }
    expect((await imported(second(), (await exported(first())).text)).accounts).toMatchObject({ rows: 1, changed: 1 })
    expect(await redis.hgetall('second:accounts:{0ab}')).toEqual({
      [`${key}:up`]: '10',
      [`${key}:down`]: `${2n ** 60n}`,
    })
    expect(await redis.hmget('second:stats', 'udp4_announces', 'udp4_scrapes')).toEqual(['100', '1'])
    await redis.hset('second:accounts:{0ab}', `${key}:up`, 'much')
    await expect(imported(second(), (await exported(first())).text)).rejects.toThrow(
      `second:accounts:{0ab} holds what is no number as ${key}:up`,
    )
  })

  it('credit the next announce of a client with what it moved since its last one, wherever that was', async () => {
    const key = 'k'.repeat(32)
    const tell = async (prefix: string, uploaded: number) => {
      const report = makeReport(Buffer.from('-RS0001-abcdefghijkl'), 0n, 9n, BigInt(uploaded))
      await storeOn(server().redis, {}, undefined, prefix).announce([announceOf({ passkey: key, report })])
    }
    const account = () => server().redis.hget('second:accounts:{a00}', `${key}:up`)
    await tell('first:', 100)
    await tell('first:', 500)
    const { text: early } = await exported(first())
    expect((await imported(second(), early)).reports).toMatchObject({ rows: 1, added: 1 })
    await tell('second:', 700)
    expect(await account()).toBe('600')
    // What was told earlier elsewhere does not come back, so that nothing is credited twice.
    const [name = ''] = await server().redis.keys('second:moved:*')
    await server().redis.expire(name, 3905)
    expect((await imported(second(), early)).reports).toMatchObject({ rows: 1, unchanged: 1 })
    await tell('second:', 800)
    expect(await account()).toBe('700')
    // What was told later elsewhere does.
    await server().redis.expire(name, 100)
    await tell('first:', 1000)
    expect((await imported(second(), (await exported(first())).text)).reports).toMatchObject({ rows: 1, changed: 1 })
    await tell('second:', 1001)
    expect(await account()).toBe('901')
    // Nothing is remembered for longer than a peer's lifetime here, nor what is over already.
    await server().redis.del(name)
    await imported(second(), early, { peerLifetimeS: 50 })
    expect(await server().redis.ttl(name)).toBeLessThanOrEqual(50)
    const past = early.replace(/"500",\d+\]/, '"500",1]')
    const lines = past.split('\n').filter((line) => line !== '' && !line.startsWith('{"check"'))
    const writer = makeLineWriter()
    await server().redis.del(name)
    const again = await imported(second(), writer.add(lines.map((line) => `${line}\n`).join('')) + writer.end())
    expect(again.reports).toMatchObject({ rows: 1, expired: 1 })
    expect(await server().redis.exists(name)).toBe(0)
  })

  it('can be imported whatever somebody else has written into the first', async () => {
    const { redis } = server()
    const store = storeOn(redis, {}, undefined, 'first:')
    const large = Array.from({ length: 300 }, (_, i) =>
      announceOf({ infoHash: hashOf('b'), endpoint: at('192.0.2.1', 1 + i) }),
    )
    await store.announce([announceOf(), announceOf({ passkey: 'k'.repeat(32) }), ...large])
    const MAPPED = Buffer.from('00000000000000000000ffffc00002011ae1', 'hex')
    const value = Buffer.from(`00${'0'.repeat(8)}${'2d'.repeat(44)}09`, 'hex')
    const swarm = first().keys.swarm(hash.toString('hex'))
    await redis.hset(
      swarm,
      new Map([
        [MAPPED, value],
        [Buffer.from('c00002091ae1', 'hex'), value],
      ]) as never,
    )
    await redis.zadd(`${swarm}:done`, 1, MAPPED)
    await redis.hset(swarm, 'added', 'long ago')
    await redis.hset('first:stats', { udp4_announces: 'many', udp4_scrapes: '-5', udp6_scrapes: '1.5' })
    await redis.hset('first:keys', { short: '0', ['l'.repeat(32)]: 'soon' })
    await redis.hset('first:bans', { nobody: '0', '192.0.2.1': '9'.repeat(13) })
    const user = 'm'.repeat(32)
    await redis.hset('first:accounts:{a00}', { [`${user}:up`]: '007', [`${user}:down`]: '9'.repeat(20), other: '1' })
    await redis.sadd('first:whitelist:{a00}', 'nothing')
    await redis.set('first:secret', 'known')
    const moved = `first:moved:{a00}:${hash.toString('hex')}:${'k'.repeat(32)}:`
    await redis.set(`${moved}${'x'.repeat(20)}`, 'cut', 'EX', 100)
    await redis.set(`${moved}${'y'.repeat(20)}`, '1234567890123456')
    await redis.hset(`${moved}${'z'.repeat(20)}`, 'a', 1)
    await redis.zadd('first:torrents:{a00}', 1, 'no info hash')
    const { text } = await exported(first(), { withSecret: true })
    const report = await imported(second(), text)
    expect(report).toMatchObject({
      problems: [],
      secret: 'none',
      reports: { rows: 1, added: 1 },
      accounts: { rows: 0 },
    })
    expect(report.torrents).toMatchObject({ rows: 2, added: 2 })
    expect(await drift(second())).toEqual([])
  })

  it('leave out what is damaged on either side, and say what', async () => {
    const store = storeOn(server().redis, {}, undefined, 'first:')
    await store.announce(['a', 'b', 'c'].map((letter) => announceOf({ infoHash: hashOf(letter) })))
    const key = (place: ReturnType<typeof first>, letter: string) => place.keys.swarm(hashOf(letter).toString('hex'))
    await server().redis.hset(key(first(), 'a'), 'head', 'cut')
    const { text, report } = await exported(first())
    expect(report).toMatchObject({
      torrents: 2,
      damagedCount: 1,
      damaged: [`${key(first(), 'a')} has a head of 3 bytes`],
    })
    await server().redis.set(key(second(), 'b'), 'a string')
    const found = await imported(second(), text)
    expect(found.torrents).toMatchObject({ rows: 2, added: 1, bad: 1 })
    expect(found.problems).toEqual([`${key(second(), 'b')} is a string, not a hash`])
  })
})

it('an export without peers has no address, and all counts', async () => {
  const place = { redis: server().redis, keys: makeKeys('') }
  await fill(place)
  const { completed } = (await trackerState(place.redis, place.keys)).totals
  const { text } = await exported(place, { withPeers: false })
  expect(text).not.toMatch(/\d+\.\d+\.\d+\.\d+:|:\d+"|seeders|leechers|done/)
  const bare = { redis: place.redis, keys: makeKeys('bare:') }
  const report = await imported(bare, text)
  expect(report.peers.rows).toBe(0)
  const { totals, whitelist, lists } = await trackerState(bare.redis, bare.keys)
  expect(totals).toMatchObject({ seeders: 0, leechers: 0, completed })
  expect([whitelist.length, ...lists.map(({ length }) => length)]).toEqual([50, 3, 2, 3])
  expect(await drift(bare)).toEqual([])
})
