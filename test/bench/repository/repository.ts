import type { Redis } from 'ioredis'
import type { ListedTorrent } from '../../../lib/store/walk.ts'
import type { SwarmStore } from '../../../lib/swarm/store.ts'

/** How long a peer of the benchmark lives. */
export const LIFETIME_S = 3900

/** The benchmark's own time, which it moves on to have peers expire. */
export type Clock = { nowS: number }

/** What is measured: how swarms are kept in a Redis. Where it does not claim an operation, that is not measured. */
export type Repository = Pick<SwarmStore, 'announce'> & {
  scrape?: SwarmStore['scrape']
  /** The torrents of a shard in the order of their info hashes. */
  list?: (shard: string) => Promise<ListedTorrent[]>
  /** Sweeps a shard to the end; answers how many peers it removed. */
  sweep?: (shard: string) => Promise<number>
}

/** A way to keep swarms that is compared with others. */
export type Implementation = {
  name: string
  /** What it is, in a few words. */
  what: string
  /** Settings of its Redis. */
  redisArgs: string[]
  /** Which one keeps the same in Redis, where it is another: then memory is not measured again. */
  layoutOf?: string
  make: (redis: Redis, clock: Clock) => Repository
  /** What fills it where that is not measured, if something else does it faster. */
  makeFiller?: (redis: Redis, clock: Clock) => Repository
}
