import { describe, expect, it } from 'vitest'
import { makeKeys } from '../../lib/store/keys.ts'
import { makeListing } from '../../lib/store/listing.ts'
import { writeRanks } from '../../lib/store/ranks.ts'
import { makeSwarmReader } from '../../lib/store/reader.ts'
import { makeShardScanner, makeShardWalker } from '../../lib/store/walk.ts'
import { useRedis } from '../support/redis.ts'
import { announceOf, at, hashOf, storeOn } from '../support/store.ts'

const server = useRedis()
const keys = makeKeys('')

describe('a swarm that is read for people', () => {
  it.each([8, 300])('has at most as many of its %i peers as were asked for, and all its counts', async (peers) => {
    const { redis } = server()
    await storeOn(redis).announce(
      Array.from({ length: peers }, (_, i) => announceOf({ endpoint: at('192.0.2.1', 1000 + i) })),
    )
    const swarm = await makeSwarmReader({ redis, keys }).swarm(hashOf('a'), 5)
    expect(swarm?.leechers).toBe(peers)
    expect(new Set(swarm?.peers.map(({ endpoint }) => endpoint.toString('hex'))).size).toBe(5)
    expect(swarm?.peers).toHaveLength(5)
  })
})

describe('a walk over a shard', () => {
  it('passes over torrents that are damaged or have gone, and lists the others', async () => {
    const { redis } = server()
    const hexes = ['a00', 'a001', 'a002', 'a003'].map((digits) => hashOf(digits).toString('hex'))
    const [sound = '', cut = '', string = '', gone = ''] = hexes
    await storeOn(redis).announce(hexes.map((hex) => announceOf({ infoHash: hashOf(hex) })))
    await redis.hset(keys.swarm(cut), 'head', 'damaged')
    await redis.del(keys.swarm(string), keys.swarm(gone))
    await redis.set(keys.swarm(string), 'damaged')
    const walk = makeShardWalker({ redis, keys })
    expect(await walk('a00')).toEqual([{ hex: sound, seeders: 0, leechers: 1, completed: 0 }])
  })
})

describe('the info hashes of a shard', () => {
  it.each([300, 4000, 4001, 9000])('are read whole and in order where there are %i', async (count) => {
    const { redis } = server()
    const hexes = Array.from({ length: count }, (_, i) => `a00${((i * 7919) % count).toString(16).padStart(37, '0')}`)
    await redis.zadd(keys.torrents('a00'), ...hexes.flatMap((hex, i) => [i, hex]))
    await redis.zadd(keys.torrents('a00'), 1, 'no hash', 1, 'b'.repeat(40))
    expect(await makeShardScanner({ redis, keys })('a00')).toEqual(hexes.sort())
  })
})

describe('a listing', () => {
  const listing = () => makeListing({ redis: server().redis, keys })
  const hexesOf = (torrents: readonly { hex: string }[]) => torrents.map(({ hex }) => hex)
  /** Torrents in shards near and far, and two shards with many. */
  const fill = async (): Promise<string[]> => {
    const digits = [
      ...Array.from({ length: 60 }, (_, i) => `${((i * 67) % 4096).toString(16).padStart(3, '0')}1`),
      ...Array.from({ length: 300 }, (_, i) => `7ff${i.toString(16).padStart(3, '0')}2`),
      ...Array.from({ length: 300 }, (_, i) => `fff${i.toString(16).padStart(3, '0')}2`),
    ]
    const hexes = digits.map((each) => hashOf(each).toString('hex'))
    await storeOn(server().redis).announce(hexes.map((hex) => announceOf({ infoHash: hashOf(hex) })))
    return [...new Set(hexes)].sort()
  }

  it('finds any offset, whatever the limit', async () => {
    const hexes = await fill()
    for (const offset of [0, 1, 29, 30, 31, 200, 359, 360, 400, hexes.length - 1, hexes.length, 10_000]) {
      for (const limit of [1, 50, 1000]) {
        const page = await listing().page({ offset, limit })
        expect(hexesOf(page), `${offset} ${limit}`).toEqual(hexes.slice(offset, offset + limit))
      }
    }
  })

  it('fills a page though torrents have gone or are damaged', async () => {
    const hexes = await fill()
    const gone = hexes.filter((_, i) => i % 3 === 0)
    await server().redis.del(...gone.map(keys.swarm))
    const left = hexes.filter((_, i) => i % 3 !== 0)
    expect(hexesOf((await listing().after({ limit: 300 })).torrents)).toEqual(left.slice(0, 300))
  })

  it('has all, in order and once', async () => {
    const hexes = await fill()
    const found = []
    for await (const torrents of listing().all()) found.push(...hexesOf(torrents))
    expect(found).toEqual(hexes)
  })

  it('answers the counts of torrents in the order asked, without those that there are not', async () => {
    const [first = '', second = ''] = await fill()
    const asked = [second, 'e'.repeat(40), first].map(hashOf)
    expect(hexesOf(await listing().counts(asked))).toEqual([second, first])
  })

  it('looks at so many torrents for a page and no more where few match, and goes on from there', async () => {
    const { redis } = server()
    const shards = ['000', '001', '002', '003', '004']
    for (const shard of shards) {
      const hexes = Array.from({ length: 3000 }, (_, i) => `${shard}${i.toString(16).padStart(37, '0')}`)
      await redis.zadd(keys.torrents(shard), ...hexes.flatMap((hex) => [1, hex]))
    }
    const last = 'fff'.padEnd(40, '0')
    await storeOn(redis).announce([announceOf({ infoHash: hashOf(last) })])
    const first = await listing().after({ limit: 10, minPeers: 1 })
    expect([first.torrents, first.next?.slice(0, 3)]).toEqual([[], '003'])
    const second = await listing().after({ limit: 10, minPeers: 1, after: first.next })
    expect([hexesOf(second.torrents), second.next]).toEqual([[last], undefined])
  })
})

describe('a listing of shards that have more torrents than a page looks at', () => {
  it('goes on behind them, and ends', async () => {
    const { redis } = server()
    const hexes = Array.from({ length: 10_001 }, (_, i) => `000${i.toString(16).padStart(37, '0')}`)
    await redis.zadd(keys.torrents('000'), ...hexes.flatMap((hex) => [1, hex]))
    const last = 'fff'.padEnd(40, '0')
    await storeOn(redis).announce([announceOf({ infoHash: hashOf(last) })])
    const listing = makeListing({ redis, keys })
    expect(await listing.after({ limit: 10, after: hexes.at(-1) })).toEqual({
      torrents: [{ hex: last, seeders: 0, leechers: 1, completed: 0 }],
      next: undefined,
    })
  })
})

describe('a ranking', () => {
  const ranked = (count: number, from = 0) =>
    Array.from({ length: count }, (_, i) => ({
      hex: hashOf((0x10000 + from + i).toString(16)).toString('hex'),
      score: i + 1,
    }))
  const read = () => server().redis.zrange(keys.ranks('seeders'), '0', '-1', 'WITHSCORES')

  it('holds all that it is given, also more than one call writes', async () => {
    const torrents = ranked(1234)
    await writeRanks(server().redis, keys, 'seeders', torrents)
    expect(await read()).toEqual(torrents.flatMap(({ hex, score }) => [hex, `${score}`]))
  })

  it('takes the place of the one before: who lost their rank is in it no longer', async () => {
    await writeRanks(server().redis, keys, 'seeders', ranked(20))
    const torrents = ranked(10, 15)
    await writeRanks(server().redis, keys, 'seeders', torrents)
    expect(await read()).toEqual(torrents.flatMap(({ hex, score }) => [hex, `${score}`]))
    await writeRanks(server().redis, keys, 'seeders', [])
    expect(await read()).toEqual([])
    expect((await server().redis.keys('*')).sort()).toEqual([keys.ranksBefore('seeders'), keys.ranksMade('seeders')])
  })
})
