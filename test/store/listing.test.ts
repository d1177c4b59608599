import { describe, expect, it } from 'vitest'
import { makeKeys } from '../../lib/store/keys.ts'
import { writeRanks } from '../../lib/store/ranks.ts'
import { makeSwarmReader } from '../../lib/store/reader.ts'
import { makeShardWalker } from '../../lib/store/walk.ts'
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
    expect(await server().redis.keys('*')).toEqual([])
  })
})
