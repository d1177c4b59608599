import { at, hashOf } from '../support/store.ts'
import {
  type Damage,
  EMPTIED,
  first,
  hexOf,
  keyOf,
  LARGE,
  large,
  overwrite,
  SMALL,
  setInHead,
  small,
} from './audit-damage.ts'

/** Damages of all other keys. */
export const KEY_DAMAGES: Damage[] = [
  {
    name: 'a swarm that is missing in the index',
    inflict: async (redis) => {
      await redis.zrem('torrents:{a00}', hexOf(SMALL))
      return small
    },
    ...{ check: 'index', fault: /is not in the index/ },
  },
  {
    name: 'a deleted swarm',
    inflict: async (redis) => {
      await redis.del(large)
      return large
    },
    lost: 400,
    ...{ check: 'index', fault: /is in the index, and there is no such swarm/ },
  },
  {
    name: 'a swarm of a wrong type',
    inflict: overwrite(small),
    lost: 3,
    ...{ check: 'keys', fault: /is no hash/ },
  },
  {
    name: 'a member of the index that is no info hash',
    inflict: async (redis) => {
      await redis.zadd('torrents:{a00}', 1, `${hexOf(LARGE)}:done`)
      return 'torrents:{a00}'
    },
    ...{ check: 'index', fault: /lists ".*:done", no info hash of this shard/ },
  },
  {
    name: 'an index of a wrong type',
    inflict: overwrite('torrents:{a00}'),
    ...{ check: 'keys', fault: /is a string, and must be a zset/ },
  },
  {
    name: 'a due time after the first peer expires',
    inflict: async (redis) => {
      await redis.zincrby('torrents:{a00}', 500, hexOf(SMALL))
      return small
    },
    ...{ check: 'due times', fault: /is due 500 s too late/ },
  },
  {
    name: 'a large swarm that is never due',
    inflict: async (redis) => {
      await redis.zadd('torrents:{a00}', '+inf', hexOf(LARGE))
      return large
    },
    ...{ check: 'due times', fault: /is never due/ },
  },
  {
    name: 'an emptied swarm that is never due, and remembers who completed',
    inflict: async (redis) => {
      await redis.zadd('torrents:{c00}', '+inf', hexOf(EMPTIED))
      return keyOf(EMPTIED)
    },
    ...{ check: 'due times', fault: /is never due, and remembers completed downloads/ },
  },
  {
    name: 'totals that are wrong',
    inflict: async (redis) => {
      await redis.hincrby('totals:{a00}', 'seeders', 7)
      return 'totals:{a00}'
    },
    ...{ check: 'totals', fault: /says 142 for seeders, and its swarms 135/ },
  },
  {
    name: 'totals that are no numbers',
    inflict: async (redis) => {
      await redis.hset('totals:{a00}', 'torrents', 'two')
      return 'totals:{a00}'
    },
    ...{ check: 'totals', fault: /says two for torrents, and its swarms 2/ },
  },
  {
    name: 'totals of a wrong type',
    inflict: overwrite('totals:{a00}'),
    ...{ check: 'keys', fault: /is a string, and must be a hash/ },
  },
  {
    name: 'a memory of completed downloads of no swarm',
    inflict: async (redis) => {
      await redis.zadd(`${keyOf(hashOf('e'))}:done`, 1, first)
      return `${keyOf(hashOf('e'))}:done`
    },
    ...{ check: 'keys', fault: /belongs to no swarm/ },
  },
  {
    name: 'a memory of completed downloads of a wrong type',
    inflict: overwrite(`${small}:done`),
    ...{ check: 'keys', fault: /is of a wrong type/ },
  },
  {
    name: 'a memory with a member that is no endpoint',
    inflict: async (redis) => {
      await redis.hset(small, 'completed', 5)
      await setInHead(redis, small, 8, [0, 0, 0, 5])
      await redis.zadd(`${small}:done`, 1, 'foreign')
      return `${small}:done`
    },
    ...{ check: 'completed', fault: /remembers "foreign", no endpoint/ },
  },
  {
    name: 'more completed downloads remembered than counted',
    inflict: async (redis) => {
      await redis.zadd(`${small}:done`, 1_700_000_000, at('203.0.113.1'), 1_700_000_000, at('203.0.113.2'))
      return `${small}:done`
    },
    ...{ check: 'completed', fault: /remembers more completed downloads than the swarm counts/ },
  },
  {
    name: 'rankings of a wrong type',
    inflict: overwrite('ranks:{seeders}'),
    ...{ check: 'keys', fault: /is a string, and must be a zset/ },
  },
  {
    name: 'marks of the sweeper of a wrong type',
    inflict: overwrite('sweeper'),
    ...{ check: 'keys', fault: /is a string, and must be a hash/ },
  },
  {
    name: 'a counter that is no number',
    inflict: async (redis) => {
      await redis.hset('stats', 'udp_announces', 'lots')
      return 'stats'
    },
    ...{ check: 'keys', fault: /says "lots" for udp_announces, no number/ },
  },
  {
    name: 'a whitelist of a wrong type',
    inflict: overwrite('whitelist:{a00}'),
    ...{ check: 'keys', fault: /is a string, and must be a set: rename it/, isKept: true },
  },
  {
    name: 'accounts of a wrong type',
    inflict: overwrite('accounts:{a00}'),
    ...{ check: 'keys', fault: /is a string, and must be a hash: rename it/, isKept: true },
  },
  {
    name: 'a secret of a wrong type',
    inflict: async (redis) => {
      await redis.lpush('secret', 'x')
      return 'secret'
    },
    ...{ check: 'keys', fault: /is a list, and must be a string: delete it/, isKept: true },
  },
  {
    name: 'a foreign key with a name like ours',
    inflict: overwrite('swarm:of:bees'),
    ...{ check: 'keys', fault: /has a name like our keys and is none/, isKept: true },
  },
]
