import type { Redis } from 'ioredis'
import { at } from '../support/store.ts'
import { type Damage, first, headOf, large, onePeer, setInHead, small } from './audit-damage.ts'

/** Damages of a swarm's own hash, small and large. */
export const SWARM_DAMAGES: Damage[] = [
  {
    name: 'the counts of a small swarm',
    inflict: (redis) => setInHead(redis, small, 0, [0, 0, 0, 9]),
    ...{ check: 'counts', fault: /counts 1 seeders and 9 leechers, and keeps 1 and 2/ },
  },
  {
    name: 'the counts of a large swarm',
    inflict: (redis) => setInHead(redis, large, 4, [0, 0, 0, 0]),
    ...{ check: 'counts', fault: /counts 0 seeders and 266 leechers, and keeps 134 and 266/ },
  },
  {
    name: 'a text for people',
    inflict: async (redis) => {
      await redis.hset(small, 'seeders', 'many')
      return small
    },
    ...{ check: 'counts', fault: /says "many" for its seeders, and its head 1/ },
  },
  {
    name: 'a swarm that does not say when it was added',
    inflict: async (redis) => {
      await redis.hdel(large, 'added')
      return large
    },
    ...{ check: 'counts', fault: /does not say when it was added/ },
  },
  {
    name: 'a truncated head of a small swarm',
    inflict: async (redis) => {
      await redis.hset(small, 'head', (await headOf(redis, small)).subarray(0, 7))
      return small
    },
    ...{ check: 'counts', fault: /has a head of 7 bytes/ },
  },
  {
    name: 'a head of an older layout, 20 bytes',
    inflict: async (redis) => {
      await redis.hset(small, 'head', (await headOf(redis, small)).subarray(0, 20))
      await redis.hdel(small, 'completed')
      return small
    },
    ...{ check: 'counts', fault: /has a head of 20 bytes/ },
  },
  {
    name: 'a missing head of a large swarm',
    inflict: async (redis) => {
      await redis.hdel(large, 'head')
      return large
    },
    lost: 400,
    ...{ check: 'counts', fault: /has no head/ },
  },
  {
    name: 'a large swarm that says to be small',
    inflict: (redis) => setInHead(redis, large, 12, [0, 0, 0, 0, 0, 0, 0, 0]),
    lost: 400,
    ...{ check: 'counts', fault: /counts 134 seeders and 266 leechers, and keeps 0 and 0/ },
  },
  {
    name: 'a head with chunks for some lists only',
    inflict: (redis) => setInHead(redis, large, 12, [0, 0]),
    lost: 'some',
    ...{ check: 'counts', fault: /has chunks for some of its lists only/ },
  },
  {
    name: 'another salt, by which no peer is in its chunk',
    inflict: (redis) => setInHead(redis, large, 20, [0, 1, 2, 3]),
    lost: 'some',
    ...{ check: 'peers', fault: /has a peer .* that belongs into another chunk/ },
  },
  {
    name: 'a large hash of foreign fields in the place of a small swarm',
    inflict: async (redis) => {
      for (let i = 0; i < 200; i++) await redis.hset(small, `foreign-${i}`, 'x')
      return small
    },
    lost: 3,
    ...{ check: 'counts', fault: /is a small swarm of 2\d\d fields/ },
  },
  {
    name: 'a truncated piece of a small swarm',
    inflict: async (redis) => {
      await redis.hset(small, 'l4:0000', first.subarray(0, 5))
      return small
    },
    ...{ check: 'pieces', fault: /does not tell in its piece l4:0000 the 1 peers/ },
  },
  {
    name: 'a piece that tells a peer of another swarm',
    inflict: async (redis) => {
      await redis.hset(small, 'l4:0000', at('203.0.113.1'))
      return small
    },
    ...{ check: 'pieces', fault: /does not tell in its piece l4:0000/ },
  },
  {
    name: 'a missing piece',
    inflict: async (redis) => {
      await redis.hdel(large, 's4:0000')
      return large
    },
    ...{ check: 'pieces', fault: /has no piece s4:0000, and keeps \d+ peers for it/ },
  },
  {
    name: 'a piece of a chunk that there is not',
    inflict: async (redis) => {
      await redis.hset(large, 'l4:0fff', first)
      return large
    },
    ...{ check: 'pieces', fault: /has a piece l4:0fff and no such chunk/ },
  },
  {
    name: 'a value of 3 bytes in a small swarm',
    inflict: async (redis) => {
      await redis.hset(small, first, 'abc')
      return small
    },
    lost: 1,
    ...{ check: 'peers', fault: /has a peer 192.0.2.1:6881 that is kept as 3 bytes/ },
  },
  {
    name: 'a peer beside the chunks of a large swarm',
    inflict: async (redis) => {
      await redis.hset(large, at('203.0.113.9'), Buffer.alloc(5))
      return large
    },
    ...{ check: 'peers', fault: /has a peer 203.0.113.9:6881 that is kept beside the chunks/ },
  },
]

/** Damages of chunks. */
export const CHUNK_DAMAGES: Damage[] = [
  {
    name: 'the wrong role in a chunk',
    inflict: async (redis) => {
      const [endpoint, value] = await onePeer(redis, `${large}:s4:0000`)
      value[0] = 0
      await redis.hset(`${large}:s4:0000`, endpoint, value)
      return large
    },
    lost: 1,
    ...{ check: 'peers', fault: /has the role 0 in a list of the other/ },
  },
  {
    name: 'a peer from years ahead, which no sweep would remove',
    inflict: async (redis) => {
      const [endpoint, value] = await onePeer(redis, `${large}:l4:0000`)
      value.writeUInt32BE(4_000_000_000, 1)
      await redis.hset(`${large}:l4:0000`, endpoint, value)
      return large
    },
    lost: 1,
    ...{ check: 'peers', fault: /has announced at 4000000000, more than a lifetime from now/ },
  },
  {
    name: 'a field of a chunk that is no endpoint',
    inflict: async (redis) => {
      await redis.hset(`${large}:l6:0000`, 'foreign', 'x')
      return large
    },
    ...{ check: 'peers', fault: /has a peer "foreign" that is no endpoint of 18 bytes/ },
  },
  {
    name: 'a peer that somebody has taken out of its chunk',
    inflict: async (redis) => {
      const [endpoint] = await onePeer(redis, `${large}:l4:0000`)
      await redis.hdel(`${large}:l4:0000`, endpoint)
      return large
    },
    lost: 1,
    ...{ check: 'counts', fault: /counts 134 seeders and 266 leechers, and keeps 134 and 265/ },
  },
  {
    name: 'a seeder that is a leecher as well, since later',
    inflict: (redis) => inBothRoles(redis, 1),
    ...{ check: 'peers', fault: /is a leecher as well, since later/ },
  },
  {
    name: 'a seeder that is still a leecher',
    inflict: (redis) => inBothRoles(redis, -1),
    ...{ check: 'peers', fault: /is a seeder, and still a leecher in l4:000\d/ },
  },
  {
    name: 'a chunk of a wrong type',
    inflict: async (redis) => {
      await redis.set(`${large}:s4:0001`, 'a text')
      return large
    },
    lost: 'some',
    ...{ check: 'keys', fault: /has a chunk s4:0001 that is no hash/ },
  },
  {
    name: 'a chunk that its swarm does not have',
    inflict: async (redis) => {
      await redis.hset(`${large}:s4:0fff`, first, 'x')
      return `${large}:s4:0fff`
    },
    ...{ check: 'keys', fault: /belongs to no swarm/ },
  },
]

/** Puts a seeder of the large swarm into each chunk of leechers, so much later than it announced as a seeder. */
async function inBothRoles(redis: Redis, laterS: number): Promise<string> {
  const [endpoint, value] = await onePeer(redis, `${large}:s4:0000`)
  const other = Buffer.from(value)
  other[0] = 0
  other.writeUInt32BE(value.readUInt32BE(1) + laterS, 1)
  const chunks = (await headOf(redis, large)).readUInt16BE(12)
  // In all but one it is in a wrong chunk as well.
  for (let i = 0; i < chunks; i++) await redis.hset(`${large}:l4:000${i}`, endpoint, other)
  return large
}
