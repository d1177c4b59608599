import { ownInBatchesOf, ownRepository } from './own.ts'
import type { Implementation } from './repository.ts'
import { sortedSets } from './sorted-sets.ts'

const inBatchesOf = (count: number, what: string): Implementation => ({
  name: `batches of ${count}`,
  what,
  redisArgs: [],
  layoutOf: 'redswarm',
  make: (redis, clock) => ownInBatchesOf(count, redis, clock),
  makeFiller: ownRepository,
})

/** What is compared; the first is what the others are held against. */
export const IMPLEMENTATIONS: readonly Implementation[] = [
  {
    name: 'redswarm',
    what: "the tracker's own store as it is: 64 announces to a call, details of peers, no AOF",
    redisArgs: [],
    make: (redis, clock) => ownRepository(redis, clock),
  },
  inBatchesOf(1, 'the same script, one call per announce, 128 calls under way'),
  inBatchesOf(8, 'the same script, 8 announces to a call, 16 calls under way'),
  inBatchesOf(256, 'the same script, 256 announces to a call, 2 calls under way'),
  {
    name: 'no details',
    what: 'redswarm with REDSWARM_PEER_DETAILS=false',
    redisArgs: [],
    make: (redis, clock) => ownRepository(redis, clock, false),
  },
  {
    name: 'AOF',
    what: 'redswarm on a Redis with appendonly yes, appendfsync everysec',
    redisArgs: ['--appendonly', 'yes', '--appendfsync', 'everysec'],
    layoutOf: 'redswarm',
    make: (redis, clock) => ownRepository(redis, clock),
  },
  {
    name: 'sorted sets',
    what: 'a sorted set of endpoints by time per role and family, a hash of details; 64 announces to a call',
    redisArgs: [],
    make: sortedSets,
  },
]
