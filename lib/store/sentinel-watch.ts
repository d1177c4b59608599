import { Redis } from 'ioredis'
import type { RedisOptions } from '../config/redis-url.ts'

/** How often a Sentinel that is away is tried again. */
const RETRY_MS = 1000
/** A Sentinel's end of a connection may be gone without a word: the system asks it after so long. */
const KEEP_ALIVE_MS = 10_000
const SWITCHED = '+switch-master'

/**
 * Has a connection leave its master as soon as a Sentinel tells of another, for which the Sentinels are asked then. The one
 * before may be silent, or take writes for ten seconds more: all of those are lost when it becomes a replica.
 */
export function followMaster(redis: Redis, { sentinels = [], ...options }: RedisOptions): void {
  let told: { host: string; port: number } | undefined
  const leave = (): void => {
    // While it asks the Sentinels, to disconnect would end it for good.
    if (redis.status !== 'ready' || !told) return
    const { remoteAddress, remotePort } = redis.stream
    const isThere = remoteAddress === told.host && remotePort === told.port
    // Once: a Sentinel that hears of it late would call it away from yet another.
    told = undefined
    if (!isThere) redis.disconnect(true)
  }
  redis.on('ready', leave)
  const watches = sentinels.map((sentinel) => {
    const watch = new Redis({
      ...{
        ...sentinel,
        protocol: 2,
        lazyConnect: true,
        enableReadyCheck: false,
        disableClientInfo: true,
        maxRetriesPerRequest: null,
      },
      ...(options.sentinelUsername && { username: options.sentinelUsername }),
      ...(options.sentinelPassword && { password: options.sentinelPassword }),
      ...(options.sentinelTLS && { tls: options.sentinelTLS }),
      ...{ retryStrategy: () => RETRY_MS, keepAlive: KEEP_ALIVE_MS },
    })
    // The others tell, too.
    watch.on('error', () => {})
    watch.on('message', (_, text: string) => {
      const [name, , , host = '', port] = text.split(' ')
      if (name !== options.name) return
      told = { host, port: Number(port) }
      leave()
    })
    watch.subscribe(SWITCHED).catch(() => {})
    return watch
  })
  redis.once('end', () => {
    for (const watch of watches) watch.disconnect()
  })
}
