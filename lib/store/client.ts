import type { Cluster, Redis } from 'ioredis'

/** A connection to where swarms are: to one Redis, or to all nodes of a Cluster. */
export type RedisClient = Redis | Cluster
