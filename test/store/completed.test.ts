import { describe, expect, it } from 'vitest'
import { auditAll } from '../../lib/store/audit.ts'
import { COMPLETED_MAX, makeCompletedImporter } from '../../lib/store/completed.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { EVENT } from '../../lib/wire/announce.ts'
import { readSwarm } from '../support/read-swarm.ts'
import { useRedis } from '../support/redis.ts'
import { announceOf, at, hashOf, storeOn } from '../support/store.ts'

const server = useRedis()
const keys = makeKeys('')
const countOf = (digits: string, completed: number) => ({ infoHash: hashOf(digits), completed })
const importer = () => makeCompletedImporter({ redis: server().redis, keys })
const swarm = (digits: string) => readSwarm(server().redis, hashOf(digits).toString('hex'))
const drift = async () => (await auditAll({ redis: server().redis, keys, peerLifetimeS: 3900, repair: false })).faults
/** All that is in Redis. */
const dump = async () => {
  const names = (await server().redis.keys('*')).sort()
  return await Promise.all(names.map(async (name) => [name, await server().redis.dumpBuffer(name)]))
}

describe('completed counts that are imported', () => {
  it('make torrents without peers, with totals and index as they must be', async () => {
    expect(await importer()([countOf('a', 7), countOf('b', COMPLETED_MAX)], 'write')).toEqual(['created', 'created'])
    expect((await swarm('a'))?.counts).toEqual({ seeders: 0, leechers: 0, completed: 7 })
    const scraped = await storeOn(server().redis).scrape([hashOf('a'), hashOf('b')])
    expect(scraped).toEqual([7, COMPLETED_MAX].map((completed) => ({ seeders: 0, leechers: 0, completed })))
    const totals = await server().redis.hgetall('totals:{a00}')
    expect(totals).toEqual({ torrents: '1', completed: '7' })
    expect(await server().redis.zscore('torrents:{a00}', hashOf('a').toString('hex'))).toBe('inf')
    expect(await drift()).toEqual([])
  })

  it('raise those of torrents that are there, and never lower them', async () => {
    const store = storeOn(server().redis)
    for (const port of [1, 2, 3]) {
      await store.announce([announceOf({ endpoint: at('192.0.2.1', port), isSeeder: true, event: EVENT.completed })])
    }
    expect(await importer()([countOf('a', 2)], 'write')).toEqual(['unchanged'])
    expect((await swarm('a'))?.counts).toEqual({ seeders: 3, leechers: 0, completed: 3 })
    expect(await importer()([countOf('a', 10)], 'write')).toEqual(['raised'])
    expect((await swarm('a'))?.counts).toEqual({ seeders: 3, leechers: 0, completed: 10 })
    expect(await server().redis.hget('totals:{a00}', 'completed')).toBe('10')
    expect(await drift()).toEqual([])
  })

  it('are right in swarms of every size that grow from them and empty again', async () => {
    await importer()([countOf('a', 5)], 'write')
    const store = storeOn(server().redis)
    const peers = Array.from({ length: 300 }, (_, i) => announceOf({ endpoint: at('192.0.2.1', 1 + i), numwant: 0 }))
    await store.announce(peers)
    expect((await swarm('a'))?.counts).toEqual({ seeders: 0, leechers: 300, completed: 5 })
    expect(await importer()([countOf('a', 6)], 'write')).toEqual(['raised'])
    expect(await drift()).toEqual([])
    await store.announce(peers.map((peer) => ({ ...peer, event: EVENT.stopped })))
    expect((await swarm('a'))?.counts).toEqual({ seeders: 0, leechers: 0, completed: 6 })
    expect(await drift()).toEqual([])
  })

  it('change nothing the second time, nor where they are only looked at', async () => {
    const counts = Array.from({ length: 250 }, (_, i) => countOf(i.toString(16).padStart(3, '0'), 1 + i))
    await storeOn(server().redis).announce([announceOf({ infoHash: hashOf('001') })])
    const empty = await dump()
    const would = await importer()(counts, 'look')
    expect(await dump()).toEqual(empty)
    expect(await importer()(counts, 'write')).toEqual(would)
    expect(would.map((outcome) => (outcome === 'raised' ? 1 : 0))).toEqual(counts.map((_, i) => (i === 1 ? 1 : 0)))
    const full = await dump()
    expect(await importer()(counts, 'write')).toEqual(counts.map(() => 'unchanged'))
    expect(await dump()).toEqual(full)
    expect(await drift()).toEqual([])
  })

  it('leave a damaged key as it is, name it, and import the rest', async () => {
    const { redis } = server()
    await storeOn(redis).announce([announceOf({ infoHash: hashOf('a') }), announceOf({ infoHash: hashOf('b') })])
    await redis.hset(keys.swarm(hashOf('a').toString('hex')), 'head', 'cut')
    await redis.hdel(keys.swarm(hashOf('b').toString('hex')), 'head')
    await redis.set('totals:{c00}', 'text')
    await redis.set('torrents:{d00}', 'text')
    const before = await dump()
    const outcomes = await importer()(
      ['a', 'b', 'c', 'd', 'e'].map((digits) => countOf(digits, 3)),
      'write',
    )
    expect(outcomes).toEqual([
      { damaged: expect.stringMatching(/^swarm:\{a00\}:a0* has a head of 3 bytes, not 24$/) },
      { damaged: expect.stringMatching(/^swarm:\{b00\}:b0* has no head$/) },
      { damaged: expect.stringMatching(/^totals:\{c00\} cannot be counted in/) },
      { damaged: 'torrents:{d00} is a string, not a zset' },
      'created',
    ])
    const after = await dump()
    const names = after.map(([name]) => name)
    expect(names.filter((name) => !before.some(([old]) => old === name))).toEqual([
      ...[`swarm:{e00}:${hashOf('e').toString('hex')}`, 'torrents:{e00}', 'totals:{e00}'],
    ])
    expect(after.filter(([name]) => before.some(([old]) => old === name))).toEqual(before)
  })
})
