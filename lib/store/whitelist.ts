import type { InfoHash } from '../wire/info-hash.ts'
import type { RedisClient } from './client.ts'
import { type Keys, SHARDS, shardNames } from './keys.ts'

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
  /** The first after one, in the same order; no more shards are read than that takes. */
  after: (page: { hex: string; limit: number }) => Promise<string[]>
}

/** The whitelist in a Redis. */
export function makeWhitelist({ redis, keys }: { redis: RedisClient; keys: Keys }): Whitelist {
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
  const shards = shardNames()
  const readShards = async (from: number, many: number): Promise<string[]> => {
    const sets = shards.slice(from, from + many).map(keys.whitelist)
    const members = await Promise.all(sets.map((set) => redis.smembers(set)))
    return members.flatMap((some) => some.sort())
  }
  return {
    add: (infoHashes) => change('sadd', infoHashes),
    remove: (infoHashes) => change('srem', infoHashes),
    async has(infoHash) {
      const hex = infoHash.toString('hex')
      return (await redis.sismember(setOf(hex), hex)) === 1
    },
    async *scan() {
      for (let at = 0; at < SHARDS; at += SHARDS_AT_ONCE) {
        const hexes = await readShards(at, SHARDS_AT_ONCE)
        if (hexes.length > 0) yield hexes
      }
    },
    async after({ hex, limit }) {
      const found: string[] = []
      let at = hex === '' ? 0 : Number.parseInt(hex.slice(0, 3), 16)
      // Few shards at first: where many torrents are listed, one has the whole page.
      for (let many = 1; at < SHARDS && found.length < limit; many = Math.min(4 * many, SHARDS_AT_ONCE)) {
        found.push(...(await readShards(at, many)).filter((each) => each > hex))
        at += many
      }
      return found.slice(0, limit)
    },
  }
}
