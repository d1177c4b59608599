import type { Redis } from 'ioredis'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { makeCounters } from '../../lib/observe/counters.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { makeRedisStore } from '../../lib/store/redis.ts'
import { makeShardSweeper } from '../../lib/store/sweep.ts'
import type { StoredAnnounce, SwarmStore } from '../../lib/swarm/store.ts'
import { useRedis } from '../support/redis.ts'
import { hashOf } from '../support/store.ts'
import {
  chunksOf,
  completes,
  DAMAGES,
  KEY,
  LARGE,
  makeString,
  peer,
  SMALL,
  seeder,
  setField,
  stop,
} from './announce-damage.ts'

const A = hashOf('a')
const START_S = 1_764_000_000
const LIFETIME_S = 3900

const server = useRedis()

/** A store whose log is kept, and the time that it sees. */
function makeStore({ listed = false } = {}): { store: SwarmStore; log: string[] } {
  const log: string[] = []
  const store = makeRedisStore({
    redis: server().redis,
    keys: makeKeys(''),
    policy: { peerLifetimeS: LIFETIME_S, peerDetails: true, listed },
    random: Math.random,
    counters: makeCounters(),
    log: pino({ level: 'error' }, { write: (line) => log.push(line) }),
    nowS: () => START_S,
  })
  return { store, log }
}

const crowd = (peers: number): StoredAnnounce[] => Array.from({ length: peers }, (_, i) => peer(i))

/** All that Redis holds, byte for byte; fields of a hash in order, since a large one changes its own by itself. */
async function snapshot(redis: Redis): Promise<Record<string, string>> {
  const contentOf = async (key: string): Promise<string> => {
    if ((await redis.type(key)) !== 'hash') return (await redis.dumpBuffer(key)).toString('hex')
    const parts = ((await redis.callBuffer('HGETALL', [key])) as Buffer[]).map((part) => part.toString('hex'))
    const fields = parts.flatMap((part, i) => (i % 2 === 0 ? [`${part}=${parts[i + 1]}`] : []))
    return fields.sort().join(' ')
  }
  const keys = (await redis.keys('*')).sort()
  const contents = await Promise.all(keys.map(contentOf))
  return Object.fromEntries(keys.map((key, i) => [key, contents[i] as string]))
}

describe('an announce that meets damage', () => {
  it.each(DAMAGES)('is refused, names the key and writes nothing: %s', async (_, peers, damage, announce, named) => {
    const { redis } = server()
    const { store, log } = makeStore()
    await store.announce(crowd(peers))
    await damage(redis)
    const before = await snapshot(redis)
    const other = peer(1, { infoHash: hashOf('b') })
    expect(await store.announce([announce])).toEqual([{ ok: false, refusal: 'damaged' }])
    expect(log.join()).toContain(named)
    expect(await snapshot(redis)).toEqual(before)
    expect(await store.announce([announce, other])).toMatchObject([{ refusal: 'damaged' }, { ok: true, leechers: 1 }])
  })

  it.each([
    ['of no role', '\x07garbage'],
    ['that is empty', ''],
  ])('writes a peer %s anew, or takes it out', async (_, value) => {
    const { redis } = server()
    const { store } = makeStore()
    await store.announce(crowd(SMALL))
    const sound = await redis.hstrlen(KEY, peer(1).endpoint as unknown as string)
    await setField(peer(1).endpoint, value)(redis)
    expect(await store.announce([peer(1)])).toMatchObject([{ ok: true, leechers: SMALL }])
    expect(await redis.hstrlen(KEY, peer(1).endpoint as unknown as string)).toBe(sound)
    await setField(peer(1).endpoint, value)(redis)
    expect(await store.announce([stop(1)])).toMatchObject([{ ok: true, leechers: SMALL - 1 }])
    expect(await redis.hexists(KEY, peer(1).endpoint as unknown as string)).toBe(0)
  })

  it('is refused and writes nothing where a swarm fills again whose index is damaged', async () => {
    const { redis } = server()
    const { store, log } = makeStore()
    await store.announce([completes(1), stop(1)])
    await makeString('torrents:{a00}')(redis)
    const before = await snapshot(redis)
    expect(await store.announce([peer(2)])).toEqual([{ ok: false, refusal: 'damaged' }])
    expect(log.join()).toContain('torrents:{a00} is a string')
    expect(await snapshot(redis)).toEqual(before)
  })

  it('is refused where the whitelist is damaged', async () => {
    await makeString('whitelist:{a00}')(server().redis)
    const { store, log } = makeStore({ listed: true })
    expect(await store.announce([peer(1)])).toEqual([{ ok: false, refusal: 'damaged' }])
    expect(log.join()).toContain('whitelist:{a00} is a string, not a set')
  })

  it.each<[string, (redis: Redis, chunks: number) => Promise<unknown>, (i: number) => StoredAnnounce]>([
    [
      'a chunk in the way of a split',
      (redis, chunks) => redis.hset(chunkName(chunks), 'shade', 'red'),
      (i) => peer(LARGE + i),
    ],
    [
      'a foreign field in the chunk that is split',
      async (redis, chunks) => {
        for (let i = 0; i < chunks; i++) await redis.hset(chunkName(i), 'shade', 'red')
      },
      (i) => peer(LARGE + i),
    ],
    [
      'a chunk of another type in the way of a split',
      (redis, chunks) => redis.set(chunkName(chunks), 'x'),
      (i) => peer(LARGE + i),
    ],
    [
      'a chunk that has lost its piece, and is to be given back',
      (redis, chunks) => redis.hdel(KEY, chunkName(chunks - 1).slice(-7)),
      stop,
    ],
    [
      'a foreign field in the chunk that is to be given back',
      (redis, chunks) => redis.hset(chunkName(chunks - 1), 'shade', 'red'),
      stop,
    ],
    [
      'a foreign field in the chunk that is to be given back by one that changes roles',
      (redis, chunks) => redis.hset(chunkName(chunks - 1), 'shade', 'red'),
      seeder,
    ],
  ])('is refused and writes nothing when it comes to %s', async (_, damage, announceNumber) => {
    const { redis } = server()
    const { store, log } = makeStore()
    await store.announce(crowd(LARGE))
    await damage(redis, (await chunksOf(redis, 'l4')).length)
    let refused = false
    for (let i = 0; i < LARGE && !refused; i++) {
      const before = await snapshot(redis)
      const [reply] = await store.announce([announceNumber(i)])
      refused = reply?.ok === false
      if (refused) expect(await snapshot(redis)).toEqual(before)
    }
    expect(refused).toBe(true)
    expect(log.join()).toContain(KEY)
  })
})

const chunkName = (number: number) => `${KEY}:l4:${number.toString(16).padStart(4, '0')}`

describe('a sweep that meets damage', () => {
  const SWEEPS = DAMAGES.filter(([, peers, , , named]) => peers > 1 && !named.startsWith('accounts'))
  const seen = SWEEPS.filter(([what]) => !/piece|grows|changes roles|overflow|fields/.test(what))
  it.each(seen)('names the key, changes nothing of the swarm: %s', async (_, peers, damage, __, named) => {
    const { redis } = server()
    const { store } = makeStore()
    await store.announce([...crowd(peers), peer(1, { infoHash: hashOf('a001') })])
    await damage(redis)
    const before = await snapshot(redis)
    const nowS = START_S + LIFETIME_S + 1
    const sweepShard = makeShardSweeper({ redis, keys: makeKeys(''), peerLifetimeS: LIFETIME_S, nowS: () => nowS })
    const { damaged, peersRemoved } = await sweepShard('a00')
    expect(damaged.join()).toContain(named)
    const after = await snapshot(redis)
    const swarmKeys = Object.keys(before).filter((key) => key.startsWith(KEY))
    expect(swarmKeys.map((key) => [key, after[key]])).toEqual(swarmKeys.map((key) => [key, before[key]]))
    // The others of the shard are swept all the same, where its counts can be.
    expect(peersRemoved).toBe(/totals/.test(named) ? 0 : 1)
  })

  it('ends with the name of an index of another type', async () => {
    const { redis } = server()
    await makeString('torrents:{a00}')(redis)
    const sweepShard = makeShardSweeper({ redis, keys: makeKeys(''), peerLifetimeS: LIFETIME_S })
    const { damaged, hasMore } = await sweepShard('a00')
    expect([damaged, hasMore]).toEqual([['torrents:{a00} is a string, not a zset'], false])
  })

  it('starts anew where its own place in a large swarm is damaged', async () => {
    const { redis } = server()
    const { store } = makeStore()
    await store.announce(crowd(LARGE))
    const nowS = START_S + LIFETIME_S + 1
    const sweepShard = makeShardSweeper({ redis, keys: makeKeys(''), peerLifetimeS: LIFETIME_S, nowS: () => nowS })
    await redis.hset(KEY, 'sweep', Buffer.alloc(11, 7))
    let [removed, pieces] = [0, 0]
    for (let hasMore = true; hasMore && pieces < 10; pieces++) {
      const piece = await sweepShard('a00')
      expect(piece.damaged).toEqual([])
      removed += piece.peersRemoved
      hasMore = piece.hasMore
    }
    expect(removed).toBe(LARGE)
    expect(await redis.keys('*')).toEqual(['totals:{a00}'])
  })
})

describe('a scrape that meets damage', () => {
  it.each<[string, (redis: Redis) => Promise<unknown>]>([
    ['a swarm of another type', makeString(KEY)],
    ['a cut head', setField('head', 'short')],
  ])('says so for this swarm alone, and names the key: %s', async (_, damage) => {
    const { store, log } = makeStore()
    await store.announce([peer(1), peer(1, { infoHash: hashOf('b') })])
    await damage(server().redis)
    expect(await store.scrape([A, hashOf('b')])).toEqual(['damaged', { seeders: 0, leechers: 1, completed: 0 }])
    expect(log.join()).toContain(KEY)
  })
})
