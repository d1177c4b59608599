import type { Redis } from 'ioredis'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { makeCounters } from '../../lib/observe/counters.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { makeRedisStore } from '../../lib/store/redis.ts'
import { makeShardSweeper } from '../../lib/store/sweep.ts'
import type { StoredAnnounce, SwarmStore } from '../../lib/swarm/store.ts'
import { EVENT } from '../../lib/wire/announce.ts'
import { useRedis } from '../support/redis.ts'
import { announceOf, at, hashOf } from '../support/store.ts'

const A = hashOf('a')
const KEY = `swarm:{a00}:${A.toString('hex')}`
const START_S = 1_764_000_000
const LIFETIME_S = 3900
/** Peers of the swarms that damage is done to. */
const NONE = 0
const SMALL = 3
const FULL_SMALL = 10
const LARGE = 300

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

const peer = (number: number, changes: Partial<StoredAnnounce> = {}): StoredAnnounce =>
  announceOf({ endpoint: at('198.51.100.7', 1000 + number), ...changes })

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

const makeString = (key: string) => async (redis: Redis) => {
  await redis.unlink(key)
  await redis.set(key, 'damaged')
}
const setField = (field: string | Buffer, value: string | Buffer) => (redis: Redis) => redis.hset(KEY, field, value)
const chunksOf = async (redis: Redis, list: string) => (await redis.keys(`${KEY}:${list}:*`)).sort()
const allChunks = (list: string) => async (redis: Redis) => {
  for (const key of await chunksOf(redis, list)) await makeString(key)(redis)
}
const cutPiece = async (redis: Redis, field: string) => {
  const piece = (await redis.hgetBuffer(KEY, field)) ?? Buffer.alloc(6)
  await redis.hset(KEY, field, piece.subarray(0, -1))
}
const cutPieces = async (redis: Redis) => {
  for (const field of await redis.hkeys(KEY)) if (/^[ls]4:/.test(field)) await cutPiece(redis, field)
}

const seeder = (number: number) => peer(number, { isSeeder: true })
const stop = (number: number) => peer(number, { event: EVENT.stopped })
const completes = (number: number) => peer(number, { isSeeder: true, event: EVENT.completed })

/** What is damaged in a swarm of so many leechers, how, the announce that meets it, and the key that is named. */
type Damage = [
  what: string,
  peers: number,
  damage: (redis: Redis) => Promise<unknown>,
  announce: StoredAnnounce,
  named: string,
]

const DAMAGES: Damage[] = [
  ['a swarm of another type', SMALL, makeString(KEY), peer(1), KEY],
  ['a cut head', SMALL, setField('head', 'short'), peer(1), KEY],
  ['a head of an older layout', SMALL, setField('head', Buffer.alloc(20)), peer(1), KEY],
  ['a head that is gone', SMALL, (redis) => redis.hdel(KEY, 'head'), peer(1), KEY],
  ['a head that is gone, and a new peer', SMALL, (redis) => redis.hdel(KEY, 'head'), peer(9), KEY],
  ['a hash of somebody else under the name of a swarm', NONE, setField('shade', 'red'), peer(1), KEY],
  ['a cut piece that a reply is made of', SMALL, (redis) => cutPiece(redis, 'l4:0000'), peer(1), KEY],
  ['a cut piece that a new peer joins', SMALL, (redis) => cutPiece(redis, 'l4:0000'), peer(9, { numwant: 0 }), KEY],
  ['a cut piece that a peer leaves', SMALL, (redis) => cutPiece(redis, 'l4:0000'), stop(1), KEY],
  ['a piece that is gone', SMALL, (redis) => redis.hdel(KEY, 'l4:0000'), stop(1), KEY],
  ['cut pieces of a large swarm', LARGE, cutPieces, peer(1), KEY],
  ['cut pieces that a peer joins', LARGE, cutPieces, peer(999, { numwant: 0 }), KEY],
  ['a peer of no role', SMALL, setField(at('198.51.100.7', 1001), '\x07garbage'), peer(1), KEY],
  ['an empty peer', SMALL, setField(at('198.51.100.7', 1001), ''), stop(1), KEY],
  ['counts below the peers, and one that stops', SMALL, setField('head', Buffer.alloc(24)), stop(1), KEY],
  ['counts below the peers, and one that changes roles', SMALL, setField('head', Buffer.alloc(24)), seeder(1), KEY],
  ['totals of another type', SMALL, makeString('totals:{a00}'), peer(9), 'totals:{a00}'],
  ['totals of another type, and a new swarm', NONE, makeString('totals:{a00}'), peer(9), 'totals:{a00}'],
  ['totals of another type, in a large swarm', LARGE, makeString('totals:{a00}'), peer(999), 'totals:{a00}'],
  ['totals of another type, and a peer that stops', LARGE, makeString('totals:{a00}'), stop(1), 'totals:{a00}'],
  [
    'totals that are no number',
    SMALL,
    (redis) => redis.hset('totals:{a00}', 'seeders', 'many'),
    seeder(1),
    'totals:{a00}',
  ],
  [
    'one total of two that is no number',
    SMALL,
    (redis) => redis.hset('totals:{a00}', 'seeders', 0, 'leechers', '1.5'),
    seeder(1),
    'totals:{a00}',
  ],
  [
    'totals that only look like a number',
    SMALL,
    (redis) => redis.hset('totals:{a00}', 'completed', '007'),
    completes(1),
    'totals:{a00}',
  ],
  [
    'a small swarm of too many fields',
    FULL_SMALL,
    (redis) =>
      redis.hset(KEY, Object.fromEntries(Array.from({ length: 9000 }, (_, i) => [`f${i}`.padEnd(6, '.'), '\0']))),
    peer(99),
    KEY,
  ],
  [
    'totals that overflow',
    SMALL,
    (redis) => redis.hset('totals:{a00}', 'completed', '9'.repeat(19)),
    completes(1),
    'totals:{a00}',
  ],
  ['an index of another type', NONE, makeString('torrents:{a00}'), peer(1), 'torrents:{a00}'],
  ['an index of another type, and the last peer', 1, makeString('torrents:{a00}'), stop(0), 'torrents:{a00}'],
  ['the memory of downloads of another type', SMALL, makeString(`${KEY}:done`), completes(1), `${KEY}:done`],
  [
    'the memory of downloads of another type, and a new swarm',
    NONE,
    makeString(`${KEY}:done`),
    completes(1),
    `${KEY}:done`,
  ],
  ['chunks of another type', LARGE, allChunks('l4'), peer(1), `${KEY}:l4:`],
  ['chunks of another type that a peer leaves', LARGE, allChunks('l4'), stop(1), `${KEY}:l4:`],
  ['chunks of another type that a peer changes from', LARGE, allChunks('l4'), seeder(1), `${KEY}:l4:`],
  [
    'a chunk in the way of a swarm that grows',
    FULL_SMALL,
    (redis) => redis.hset(`${KEY}:s6:0000`, 'shade', 'red'),
    peer(99),
    `${KEY}:s6:0000`,
  ],
  ['a peer of no role in a swarm that grows', FULL_SMALL, setField('abcdef', '\x07'), peer(99), KEY],
  ['accounts of another type', SMALL, makeString('accounts:{a00}'), peer(1, { passkey: 'alice' }), 'accounts:{a00}'],
  [
    'an account that is no number',
    SMALL,
    (redis) => redis.hset('accounts:{a00}', 'alice:up', 'much'),
    peer(1, { passkey: 'alice' }),
    'accounts:{a00}',
  ],
]

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
