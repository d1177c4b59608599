import { type Endpoint, isIpv6, portOf } from '../wire/endpoint.ts'
import { mix, wordAt } from './mix.ts'

/** Client addresses that a frontend remembers in each of its tables: 1.6 MB. Of more, those that used least are forgotten. */
export const ADDRESSES_MAX = 65_536
/** Entries that a key may be kept in: the hash of a key names one such set. */
const WAYS = 4
/** Bytes that one takes. */
export const ENTRY_BYTES = 24

/** Buckets of tokens, one for each client address: an IPv4 address, or the /64 of an IPv6 one, of which a client has all. */
export type TokenBuckets = {
  /** Takes so many tokens (one unless said) of an address; whether there were as many. */
  take: (endpoint: Endpoint, nowS: number, tokens?: number) => boolean
  /** Whether an address has so many tokens. */
  has: (endpoint: Endpoint, nowS: number, tokens?: number) => boolean
}

/**
 * Buckets of `burst` tokens that fill up by `perS` a second, in tables of a fixed size: `ENTRY_BYTES` for each of `entries`, a power
 * of two. Where more addresses are about than there is room for, the one that has used least is forgotten, which
 * only gives it a full bucket again. `seed`, of this process's chance, so that nobody can choose addresses that share a place.
 */
export function makeTokenBuckets({
  perS,
  burst,
  entries,
  seed,
  isPerPort = false,
}: {
  perS: number
  burst: number
  entries: number
  seed: number
  /** Whether each port of an address has a bucket of its own. */
  isPerPort?: boolean
}): TokenBuckets {
  /** Two words that name the address of each bucket. */
  const names = new Int32Array(2 * entries)
  /** What is used of each bucket, and when that was so; 0: the entry is free. */
  const states = new Float64Array(2 * entries)
  const setsMask = entries / WAYS - 1
  let high = 0
  let low = 0

  const usedAt = (entry: number, nowS: number): number => {
    const used = states[entry] as number
    const passedS = nowS - (states[entry + 1] as number)
    // The clock went back: the bucket fills up from now on, not from when the clock is there again.
    if (passedS < 0) states[entry + 1] = nowS
    return passedS > 0 ? Math.max(0, used - perS * passedS) : used
  }

  /** Where an address is or, as a negative number less one, where it may be put; it has used nothing then. */
  const find = (endpoint: Endpoint, nowS: number): number => {
    const isV6 = isIpv6(endpoint)
    // What marks IPv4 begins no address of IPv6 but multicast ones.
    high = isV6 ? wordAt(endpoint, 0) : -1
    low = wordAt(endpoint, isV6 ? 4 : 0)
    if (isPerPort) high = mix(high, portOf(endpoint))
    const first = (mix(mix(seed, high), low) & setsMask) * 2 * WAYS
    for (let entry = first; entry < first + 2 * WAYS; entry += 2)
      if (names[entry] === high && names[entry + 1] === low) return entry
    return -leastIn(first, nowS) - 1
  }

  /** The entry of a set that has used least. */
  const leastIn = (first: number, nowS: number): number => {
    let least = first
    let leastUsed = Number.POSITIVE_INFINITY
    for (let entry = first; entry < first + 2 * WAYS; entry += 2) {
      const used = usedAt(entry, nowS)
      if (used === 0) return entry
      if (used < leastUsed) {
        least = entry
        leastUsed = used
      }
    }
    return least
  }

  return {
    has: (endpoint, nowS, tokens = 1) => {
      const entry = find(endpoint, nowS)
      return (entry < 0 ? 0 : usedAt(entry, nowS)) + tokens <= burst
    },
    take: (endpoint, nowS, tokens = 1) => {
      const found = find(endpoint, nowS)
      const entry = found < 0 ? -found - 1 : found
      const used = (found < 0 ? 0 : usedAt(found, nowS)) + tokens
      if (used > burst) return false
      names[entry] = high
      names[entry + 1] = low
      states[entry] = used
      states[entry + 1] = nowS
      return true
    },
  }
}
