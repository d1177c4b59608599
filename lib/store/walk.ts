import type { Redis } from 'ioredis'
import type { Counts } from '../wire/counts.ts'
import type { Keys } from './keys.ts'
import { HEAD_BYTES, readCounts } from './layout.ts'
import { loadScript, runScript } from './scripts.ts'

/** A torrent and its counts. */
export type ListedTorrent = Counts & { hex: string }

/** Members that one ZSCAN looks at, about: 0.1 ms of Redis. */
const SCAN_COUNT = 250

/** Reads a shard's torrents in the order of their info hashes, by ZSCAN: Redis is never held up. */
export type ShardWalker = (shard: string) => Promise<ListedTorrent[]>

/** The walker of shards. */
export function makeShardWalker({ redis, keys }: { redis: Redis; keys: Keys }): ShardWalker {
  const scrape = loadScript('scrape')

  const countsOf = async (hexes: readonly string[]): Promise<ListedTorrent[]> => {
    if (hexes.length === 0) return []
    const names = hexes.map(keys.swarm)
    const heads = await runScript(redis, scrape, names.slice(0, 1), [names[0]?.length ?? 0, names.join('')])
    // A torrent that went since it was scanned, or that is damaged, is not listed.
    return (heads as (Buffer | null)[]).flatMap((head, i) =>
      head instanceof Buffer && head.length === HEAD_BYTES ? [{ hex: hexes[i] as string, ...readCounts(head) }] : [],
    )
  }

  return async (shard) => {
    // ZSCAN may give a member twice where the set changes while it is read.
    const torrents = new Map<string, ListedTorrent>()
    let cursor = '0'
    do {
      const [next, members] = await redis.zscan(keys.torrents(shard), cursor, 'COUNT', SCAN_COUNT)
      const hexes = members.filter((_, i) => i % 2 === 0)
      for (const torrent of await countsOf(hexes)) torrents.set(torrent.hex, torrent)
      cursor = next
    } while (cursor !== '0')
    return [...torrents.values()].sort((a, b) => (a.hex < b.hex ? -1 : 1))
  }
}
