import type { Redis } from 'ioredis'
import type { StoredAnnounce } from '../../lib/swarm/store.ts'
import { EVENT } from '../../lib/wire/announce.ts'
import { announceOf, at, hashOf } from '../support/store.ts'

/** The key of the swarm that damage is done to. */
export const KEY = `swarm:{a00}:${hashOf('a').toString('hex')}`
/** Peers of the swarms that damage is done to. */
const NONE = 0
export const SMALL = 3
const FULL_SMALL = 10
export const LARGE = 300

/** A leecher of that swarm. */
export const peer = (number: number, changes: Partial<StoredAnnounce> = {}): StoredAnnounce =>
  announceOf({ endpoint: at('198.51.100.7', 1000 + number), ...changes })

export const makeString = (key: string) => async (redis: Redis) => {
  await redis.unlink(key)
  await redis.set(key, 'damaged')
}
export const setField = (field: string | Buffer, value: string | Buffer) => (redis: Redis) =>
  redis.hset(KEY, field, value)
export const chunksOf = async (redis: Redis, list: string) => (await redis.keys(`${KEY}:${list}:*`)).sort()
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

const dropPieces = async (redis: Redis) => {
  for (const field of await redis.hkeys(KEY)) if (/^l4:/.test(field)) await redis.hdel(KEY, field)
}

export const seeder = (number: number) => peer(number, { isSeeder: true })
/** A new seeder, for whom any piece of leechers is long enough. */
const fewFor = (number: number) => peer(number, { isSeeder: true, numwant: 3 })
export const stop = (number: number) => peer(number, { event: EVENT.stopped })
export const completes = (number: number) => peer(number, { isSeeder: true, event: EVENT.completed })

/** What is damaged in a swarm of so many leechers, how, the announce that meets it, and the key that is named. */
type Damage = [
  what: string,
  peers: number,
  damage: (redis: Redis) => Promise<unknown>,
  announce: StoredAnnounce,
  named: string,
]

/** What somebody else may have done to Redis. */
export const DAMAGES: Damage[] = [
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
  ['pieces of a large swarm that are gone, and a peer stops', LARGE, dropPieces, stop(1), KEY],
  ['pieces of a large swarm that are gone, and a peer changes roles', LARGE, dropPieces, seeder(1), KEY],
  ['cut pieces of a large swarm, of which few are wanted', LARGE, cutPieces, fewFor(999), KEY],
  ['cut pieces that a peer joins', LARGE, cutPieces, peer(999, { numwant: 0 }), KEY],
  ['a piece that tells a peer that is gone', SMALL, (redis) => redis.hdel(KEY, peer(1).endpoint), peer(1), KEY],
  [
    'a piece that tells a peer that is gone, and stops',
    SMALL,
    (redis) => redis.hdel(KEY, peer(1).endpoint),
    stop(1),
    KEY,
  ],
  [
    'a piece that tells the last peer, who is gone, and stops',
    1,
    (redis) => redis.hdel(KEY, peer(0).endpoint),
    stop(0),
    KEY,
  ],
  ['a peer that is in no piece', SMALL, setField(peer(9).endpoint, '\0'.repeat(50)), peer(9), KEY],
  ['a peer that is in no piece, and stops', SMALL, setField(peer(9).endpoint, '\0'.repeat(50)), stop(9), KEY],
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
