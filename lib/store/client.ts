import type { Cluster, Redis } from 'ioredis'
import { isRedisReply } from '../errors.ts'

/** A connection to where swarms are: to one Redis, or to all nodes of a Cluster. */
export type RedisClient = Redis | Cluster

/** A connection to one Redis: the only one, or a master of a Cluster. */
export type RedisNode = Redis

/**
 * Ends a connection, and all that ends with it: of one that is about to be made again, or of a Cluster with a node that is away,
 * ioredis itself never tells that it has ended.
 */
export function endConnection(redis: RedisClient): void {
  redis.disconnect()
  redis.emit('end')
}

/** Makes a connection leave a Redis that refuses its SELECT: ioredis would go on in database 0. */
export function needDatabase(redis: Redis): void {
  redis.on('error', (error) => {
    if (isRedisReply(error) && error.command?.name === 'select') redis.disconnect(true)
  })
}
