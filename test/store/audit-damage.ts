import assert from 'node:assert/strict'
import type { Redis } from 'ioredis'
import { makeRandom } from '../../lib/random.ts'
import type { AuditCheck } from '../../lib/store/audit/report.ts'
import type { StoredAnnounce } from '../../lib/swarm/store.ts'
import { EVENT } from '../../lib/wire/announce.ts'
import { announceOf, at, hashOf } from '../support/store.ts'

/** A small swarm, a large one of both families in the same shard, and an emptied one that has completed downloads. */
export const SMALL = hashOf('a')
export const LARGE = hashOf('a000b')
export const EMPTIED = hashOf('c')

/** The hex of an info hash. */
export const hexOf = (hash: Buffer) => hash.toString('hex')
/** The key of a swarm. */
export const keyOf = (hash: Buffer) => `swarm:{${hexOf(hash).slice(0, 3)}}:${hexOf(hash)}`

// At random: endpoints that follow a rule may all stay in their chunks by another salt, or leave one empty.
const random = makeRandom()
const below = (max: number) => Math.floor(random() * max)
const address = (i: number) =>
  i % 5 === 0 ? at(`2001:db8::${(1 + i).toString(16)}`, below(65_536)) : at(`198.51.${below(256)}.${i % 256}`, 1000 + i)

/** Announces that make these swarms. */
export const POPULATION: StoredAnnounce[] = [
  announceOf({ infoHash: SMALL }),
  announceOf({ infoHash: SMALL, endpoint: at('192.0.2.2'), isSeeder: true, event: EVENT.completed }),
  announceOf({ infoHash: SMALL, endpoint: at('2001:db8::2') }),
  ...Array.from({ length: 400 }, (_, i) =>
    announceOf({
      ...{ infoHash: LARGE, endpoint: address(i), isSeeder: i % 3 === 0 },
      event: i % 30 === 0 ? EVENT.completed : EVENT.started,
    }),
  ),
  announceOf({ infoHash: EMPTIED, isSeeder: true, event: EVENT.completed }),
  announceOf({ infoHash: EMPTIED, isSeeder: true, event: EVENT.stopped }),
]

/** Something that only somebody else does to our keys, and what the audit must say of it. */
export type Damage = {
  name: string
  /** Answers the key that the fault is told of. */
  inflict: (redis: Redis) => Promise<string>
  check: AuditCheck
  fault: RegExp
  /** Peers that are gone afterwards, of all: none where what is derived was damaged, 'some' where it depends. */
  lost?: number | 'some'
  /** Left to the operator. */
  isKept?: boolean
}

/** The keys of the small and the large swarm, and the first peer of the small one. */
export const small = keyOf(SMALL)
export const large = keyOf(LARGE)
export const first = at('192.0.2.1')

/** The head of a swarm. */
export async function headOf(redis: Redis, key: string): Promise<Buffer> {
  return (await redis.hgetBuffer(key, 'head')) as Buffer
}

/** Writes bytes into the head of a swarm; answers its key. */
export async function setInHead(redis: Redis, key: string, position: number, bytes: number[]): Promise<string> {
  const head = await headOf(redis, key)
  head.set(bytes, position)
  await redis.hset(key, 'head', head)
  return key
}

/** Some endpoint of a chunk, and its value. */
export async function onePeer(redis: Redis, chunk: string): Promise<[Buffer, Buffer]> {
  const [endpoint, value] = (await redis.callBuffer('HGETALL', [chunk])) as Buffer[]
  assert(endpoint && value, `${chunk} is empty`)
  return [endpoint, value]
}

/** A text over a key of another type. */
export const overwrite = (key: string) => async (redis: Redis) => {
  await redis.set(key, 'a text')
  return key
}
