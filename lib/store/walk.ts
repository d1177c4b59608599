import type { Counts } from '../wire/counts.ts'
import { atMasters, isMovedCommand, MOVED } from './at-masters.ts'
import type { RedisClient } from './client.ts'
import type { Keys } from './keys.ts'
import { HEAD_BYTES, readCounts } from './layout.ts'
import { loadScript, runScript } from './scripts.ts'

/** A torrent and its counts. */
export type ListedTorrent = Counts & { hex: string }

/**
 * Members of a shard that are read in one call, 0.2 ms of Redis; there are more where a tracker has some 16 million torrents.
 * ZSCAN writes scores out as text, and takes 15 times as long: 168 µs for 244 members, where this takes 11.
 */
const READ_WHOLE_MAX = 4000
/** Members that one ZSCAN looks at, about: 0.2 ms of Redis. */
const SCAN_COUNT = 250
/** Heads that one call reads: 0.3 ms of Redis, where none of them is in the processor's caches. */
const HEADS_PER_CALL = 128

const INFO_HASH = /^[0-9a-f]{40}$/

/** Reads a shard's torrents in the order of their info hashes: Redis is never held up. */
export type ShardWalker = (shard: string) => Promise<ListedTorrent[]>

/** The walker of shards. */
export function makeShardWalker({ redis, keys }: { redis: RedisClient; keys: Keys }): ShardWalker {
  const hexesOf = makeShardScanner({ redis, keys })
  const countsOf = makeCountsReader({ redis, keys })
  return async (shard) => await countsOf(await hexesOf(shard))
}

/** Reads the info hashes of a shard in their order, as hex. */
export function makeShardScanner({
  redis,
  keys,
}: {
  redis: RedisClient
  keys: Keys
}): (shard: string) => Promise<string[]> {
  /** Nothing where there are more than one call may read. */
  const readWhole = async (key: string): Promise<string[] | undefined> => {
    const members = await redis.zrange(key, '0', `${READ_WHOLE_MAX}`)
    return members.length <= READ_WHOLE_MAX ? members : undefined
  }
  const scan = async (key: string): Promise<string[]> => {
    const found: string[] = []
    let cursor = '0'
    do {
      const [next, members] = await redis.zscan(key, cursor, 'COUNT', SCAN_COUNT)
      found.push(...members.filter((_, i) => i % 2 === 0))
      cursor = next
    } while (cursor !== '0')
    return found
  }
  return async (shard) => {
    const key = keys.torrents(shard)
    const members = (await readWhole(key)) ?? (await scan(key))
    // What is no info hash of this shard was put there by somebody else. ZSCAN may give a member twice.
    return [...new Set(members.filter((hex) => hex.startsWith(shard) && INFO_HASH.test(hex)))].sort()
  }
}

/** Reads the counts of torrents named by hex; those that there are not, or that are damaged, are left out. */
export type CountsReader = (hexes: readonly string[]) => Promise<ListedTorrent[]>

/** The reader of counts. */
export function makeCountsReader({ redis, keys }: { redis: RedisClient; keys: Keys }): CountsReader {
  const scrape = loadScript('scrape')
  return async (hexes) => {
    const found: ListedTorrent[] = []
    for (let at = 0; at < hexes.length; at += HEADS_PER_CALL) {
      const some = hexes.slice(at, at + HEADS_PER_CALL)
      const heads = await atMasters(redis, some.map(keys.swarm), String, async (node, names) => {
        const found = await runScript(node, scrape, [], [names[0]?.length ?? 0, names.join('')])
        return (found as (Buffer | null | Error)[]).map((head) => (isMovedCommand(head) ? MOVED : head))
      })
      for (const [i, head] of heads.entries()) {
        if (head instanceof Buffer && head.length === HEAD_BYTES)
          found.push({ hex: some[i] as string, ...readCounts(head) })
      }
    }
    return found
  }
}
