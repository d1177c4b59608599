import type { Redis } from 'ioredis'
import type { RedisOptions } from '../config/redis-url.ts'
import { connectSentinel } from './sentinels.ts'

/** How often a Sentinel that is away is tried again. */
const RETRY_MS = 1000
const SWITCHED = '+switch-master'

/**
 * Has a connection leave its master as soon as a Sentinel tells of another, for which the Sentinels are asked then. The one
 * before may be silent, or take writes for ten seconds more: all of those are lost when it becomes a replica.
 */
export function followMaster(redis: Redis, { sentinels = [], ...options }: RedisOptions): void {
  let told: { host: string; port: number } | undefined
  const leave = (): void => {
    // While it asks the Sentinels, and has no connection, to disconnect would end it for good.
    const { stream } = redis
    if (!told || !stream || stream.destroyed) return
    const isThere = stream.remoteAddress === told.host && stream.remotePort === told.port
    // Once: a Sentinel that hears of it late would call it away from yet another.
    told = undefined
    if (isThere) return
    redis.disconnect(true)
    // One that hangs would not say goodbye.
    stream.destroy()
  }
  redis.on('connect', leave)
  const watches = sentinels.map((sentinel) => {
    const watch = connectSentinel(sentinel, options, () => RETRY_MS)
    // The others tell, too.
    watch.on('error', () => {})
    watch.on('message', (_, text: string) => {
      const [name, , , host = '', port] = text.split(' ')
      if (name !== options.name) return
      told = { host, port: Number(port) }
      leave()
    })
    watch.on('ready', () => void watch.subscribe(SWITCHED).catch(() => {}))
    return watch
  })
  redis.once('end', () => {
    for (const watch of watches) watch.disconnect()
  })
}
