import type { Redis } from 'ioredis'
import type { HostPort, RedisOptions } from '../config/redis-url.ts'
import { connectSentinel } from './sentinels.ts'

/** How often a Sentinel that is away is tried again. */
const RETRY_MS = 1000
/** How long one Sentinel's word that it promotes a replica counts for all: it looks every second whether that is done. */
const UNCONFIRMED_MS_MAX = 3000

/** What the one that others elected tells when it has told a replica to be the master. */
const PROMOTES = '+failover-state-wait-promotion'
/** What each tells when it knows of another master, up to a second later. */
const SWITCHED = '+switch-master'

/**
 * Has a connection leave its master as soon as a Sentinel tells of another. The one before may be silent, or take writes for ten
 * seconds more: all of those are lost when it becomes a replica (docs/adr/0004-promoted-replicas.md). It does until `owner` ends.
 */
export function followMaster(redis: Redis, { sentinels = [], ...options }: RedisOptions, owner = redis): void {
  let told: HostPort | undefined
  /** A replica that a Sentinel promotes, in the place of the master that they name until that is done. */
  let promoted: (HostPort & { inPlaceOf: string; isConfirmed: boolean }) | undefined
  redis.options.natMap = (master) => (promoted?.inPlaceOf === master ? promoted : null)

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

  const goTo = (master: HostPort): void => {
    told = master
    leave()
  }
  /** As long as it is a replica it takes no write. */
  const goToPromoted = (replica: HostPort, master: HostPort): void => {
    const own = { ...replica, inPlaceOf: `${master.host}:${master.port}`, isConfirmed: false }
    promoted = own
    goTo(replica)
    setTimeout(() => {
      if (promoted !== own) return
      promoted = undefined
      // The one that promoted it is gone, and the others go by the master before.
      if (!own.isConfirmed) goTo(master)
    }, UNCONFIRMED_MS_MAX).unref()
  }
  const hear = (channel: string, text: string): void => {
    const words = text.split(' ')
    const at = (i: number): HostPort => ({ host: words[i] ?? '', port: Number(words[i + 1]) })
    if (channel === PROMOTES && words[5] === options.name) goToPromoted(at(2), at(6))
    if (channel === SWITCHED && words[0] === options.name) {
      if (promoted) promoted.isConfirmed = true
      goTo(at(3))
    }
  }

  const watches = sentinels.map((sentinel) => {
    const watch = connectSentinel(sentinel, options, () => RETRY_MS)
    // The others tell, too.
    watch.on('error', () => {})
    watch.on('message', hear)
    watch.on('ready', () => {
      // One by one: a user of the Sentinels may not be let hear all.
      for (const channel of [PROMOTES, SWITCHED]) watch.subscribe(channel).catch(() => {})
    })
    return watch
  })
  owner.once('end', () => {
    promoted = undefined
    for (const watch of watches) watch.disconnect()
  })
}
