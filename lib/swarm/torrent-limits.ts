import type { Endpoint } from '../wire/endpoint.ts'
import type { TorrentBar } from './store.ts'
import { ADDRESSES_MAX, makeTokenBuckets } from './token-buckets.ts'

/** How many torrents may be added: in all, and by one address. */
export type TorrentLimits = {
  /** Why an announce from there may add no torrent; nothing where it may. */
  barOf: (endpoint: Endpoint) => TorrentBar | undefined
  /** An announce from there has added one. */
  added: (endpoint: Endpoint) => void
}

/**
 * The limits of a frontend. An address may add `addressMax` torrents in `lifetimeS` (0: as many as it likes); what it announces
 * otherwise is not counted. Announces that are under way when it comes to its limit may pass it.
 */
export function makeTorrentLimits({
  addressMax,
  lifetimeS,
  isExempt,
  isFull,
  nowS,
  seed,
}: {
  addressMax: number
  lifetimeS: number
  isExempt: (endpoint: Endpoint) => boolean
  /** Whether there are as many torrents as there may be. */
  isFull: () => boolean
  nowS: () => number
  seed: number
}): TorrentLimits {
  if (addressMax === 0) return { barOf: () => (isFull() ? 'torrents' : undefined), added: () => {} }
  const perS = addressMax / lifetimeS
  const buckets = makeTokenBuckets({ perS, burst: addressMax, entries: ADDRESSES_MAX, seed })
  /** Until when some address may have come to its limit: nobody need be looked up after that. */
  let someUntilS = 0
  return {
    barOf: (endpoint) => {
      if (isFull()) return 'torrents'
      if (someUntilS === 0) return undefined
      const now = nowS()
      if (now >= someUntilS) someUntilS = 0
      return buckets.has(endpoint, now) || isExempt(endpoint) ? undefined : 'address_torrents'
    },
    added: (endpoint) => {
      const now = nowS()
      buckets.take(endpoint, now)
      if (!buckets.has(endpoint, now)) someUntilS = now + 1 / perS
    },
  }
}
