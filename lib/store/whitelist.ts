import type { Redis } from 'ioredis'
import type { InfoHash } from '../wire/info-hash.ts'
import { type Keys, shardNames } from './keys.ts'

/** Shards asked in one round trip. */
const SHARDS_AT_ONCE = 256
/** Info hashes changed in one round trip: some milliseconds of Redis, shared with announces. */
const CHANGED_AT_ONCE = 1000

/** The torrents that a listed tracker serves. What changes is effective at once: announces look it up in Redis. */
export type Whitelist = {
  /** Lists torrents; how many were not listed before. */
  add: (infoHashes: readonly InfoHash[]) => Promise<number>
  /** Takes torrents off the list; how many were on it. */
  remove: (infoHashes: readonly InfoHash[]) => Promise<number>
  has: (infoHash: InfoHash) => Promise<boolean>
  /** All in the order of their info hashes, as hex, some at a time. */
  scan: () => AsyncIterable<string[]>
}

/** The whitelist in a Redis. */
export function makeWhitelist({ redis, keys }: { redis: Redis; keys: Keys }): Whitelist {
  const setOf = (hex: string): string => keys.whitelist(hex.slice(0, 3))
  const change = async (command: 'sadd' | 'srem', infoHashes: readonly InfoHash[]): Promise<number> => {
    let changed = 0
    for (let at = 0; at < infoHashes.length; at += CHANGED_AT_ONCE) {
      const some = infoHashes.slice(at, at + CHANGED_AT_ONCE).map((hash) => hash.toString('hex'))
      const byShard = Map.groupBy(some, setOf)
      const counts = await Promise.all([...byShard].map(([set, hexes]) => redis[command](set, ...hexes)))
      changed += counts.reduce((sum, count) => sum + count, 0)
    }
    return changed
  }
  return {
    add: (infoHashes) => change('sadd', infoHashes),
    remove: (infoHashes) => change('srem', infoHashes),
    async has(infoHash) {
      const hex = infoHash.toString('hex')
      return (await redis.sismember(setOf(hex), hex)) === 1
    },
    async *scan() {
      const shards = shardNames()
      for (let at = 0; at < shards.length; at += SHARDS_AT_ONCE) {
        const sets = shards.slice(at, at + SHARDS_AT_ONCE).map(keys.whitelist)
        const members = await Promise.all(sets.map((set) => redis.smembers(set)))
        const hexes = members.flatMap((some) => some.sort())
        if (hexes.length > 0) yield hexes
      }
    },
  }
}
