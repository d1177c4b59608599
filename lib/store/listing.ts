import type { InfoHash } from '../wire/info-hash.ts'
import type { RedisClient } from './client.ts'
import { type Keys, SHARDS, shardNames } from './keys.ts'
import { type ListedTorrent, makeCountsReader, makeShardScanner } from './walk.ts'

/** Shards whose sizes are asked in one round trip: 0.2 ms of Redis. */
const SHARDS_AT_ONCE = 256
/** Info hashes read side by side: 0.4 ms of Redis, which it does in one go where they are asked in one go. */
const HEXES_AT_ONCE = 1000
/** Torrents looked at for one page: past that, a page with a filter that matches little ends, with a cursor to go on. */
const LOOKED_MAX = 10_000
/** All torrents are read so many at a time: half a millisecond of Redis. */
const EXPORTED_AT_ONCE = 500
/** With such a filter, more are read side by side than are wanted: few may match. */
const FILTERED_AT_ONCE = 500

/** A page by position: so many torrents are passed over. */
export type OffsetPage = { offset: number; limit: number }

/** A page by cursor: what comes after an info hash, as hex, of those that a filter lets through. */
export type CursorPage = {
  after?: string | undefined
  limit: number
  /** Peers that a torrent has at least. */
  minPeers?: number | undefined
  /** 0 to 40 hex digits that the info hash begins with. */
  prefix?: string | undefined
}

/** Torrents, and what the next page is to be asked with; undefined where there is nothing more. */
export type TorrentPage = { torrents: ListedTorrent[]; next: string | undefined }

/** Lists torrents in the order of their info hashes. */
export type Listing = {
  /** Those from a position on. It is found by the sizes of the shards before it. */
  page: (page: OffsetPage) => Promise<ListedTorrent[]>
  /** Those after an info hash: as cheap at any depth. */
  after: (page: CursorPage) => Promise<TorrentPage>
  /** The counts of torrents in the order asked; those that are not known are left out. */
  counts: (infoHashes: readonly InfoHash[]) => Promise<ListedTorrent[]>
  /** All, some at a time: one group a step, so that the caller says when Redis is asked again. */
  all: () => AsyncIterable<ListedTorrent[]>
}

/** The listing of the torrents in a Redis: shards in their order, each sorted here. */
export function makeListing({ redis, keys }: { redis: RedisClient; keys: Keys }): Listing {
  const hexesOf = makeShardScanner({ redis, keys })
  const countsOf = makeCountsReader({ redis, keys })
  const shards = shardNames()

  /** How many torrents are in each of some shards. */
  const sizesOf = (from: number, to: number): Promise<number[]> =>
    Promise.all(shards.slice(from, to).map((shard) => redis.zcard(keys.torrents(shard))))

  /** The info hashes of the shards [from, to) in their order, a group at a time. `wanted`: how many are still to come. */
  async function* walk(from: number, to: number, wanted: () => number): AsyncGenerator<string[]> {
    // Few shards at first: where torrents are many, they have the whole page.
    for (let many = 4; from < to; many = Math.min(4 * many, SHARDS_AT_ONCE)) {
      const end = Math.min(from + many, to)
      const sizes = await sizesOf(from, end)
      for (const group of groupsOf(sizes, from, wanted)) {
        yield (await Promise.all(group.map((at) => hexesOf(shards[at] as string)))).flat()
      }
      from = end
    }
  }

  /** Adds to `torrents`, up to `most`, those of `hexes` that `matches` lets through. */
  const fill = async (
    torrents: ListedTorrent[],
    hexes: readonly string[],
    most: number,
    matches?: (torrent: ListedTorrent) => boolean,
  ): Promise<void> => {
    for (let at = 0; at < hexes.length && torrents.length < most; ) {
      // Without a filter, only as many are read as are wanted; again where some of them had gone.
      const end = matches ? hexes.length : at + most - torrents.length
      const found = await countsOf(hexes.slice(at, end))
      torrents.push(...(matches ? found.filter(matches) : found))
      at = end
    }
  }

  return {
    async page({ offset, limit }) {
      const start = await findOffset(offset, sizesOf)
      let skipped = offset - start.before
      const torrents: ListedTorrent[] = []
      for await (const hexes of walk(start.shard, SHARDS, () => skipped + limit - torrents.length)) {
        await fill(torrents, hexes.slice(skipped), limit)
        skipped = Math.max(0, skipped - hexes.length)
        if (torrents.length >= limit) break
      }
      return torrents
    },

    async after({ after = '', limit, minPeers = 0, prefix = '' }) {
      const torrents: ListedTorrent[] = []
      // One more than asked for tells whether there is a page after this one.
      const most = limit + 1
      const [first, last] = [prefix.padEnd(3, '0'), prefix.padEnd(3, 'f')].map(shardIndex) as [number, number]
      const from = Math.max(first, after === '' ? 0 : shardIndex(after))
      const hasPeers = minPeers > 0 ? (torrent: ListedTorrent) => peersOf(torrent) >= minPeers : undefined
      const wanted = () => Math.max(most - torrents.length, hasPeers ? FILTERED_AT_ONCE : 0)
      let looked = 0
      for await (const hexes of walk(from, last + 1, wanted)) {
        const next = hexes.filter((hex) => hex > after && hex.startsWith(prefix))
        await fill(torrents, next, most, hasPeers)
        if (torrents.length > limit) return { torrents: torrents.slice(0, limit), next: torrents[limit - 1]?.hex }
        // Not those before the place, of a large shard: a page of nothing else would never go on.
        looked += next.length
        if (looked >= LOOKED_MAX) return { torrents, next: hexes.at(-1) }
      }
      return { torrents, next: undefined }
    },

    counts: (infoHashes) => countsOf(infoHashes.map((infoHash) => infoHash.toString('hex'))),

    async *all() {
      for await (const hexes of walk(0, SHARDS, () => EXPORTED_AT_ONCE)) {
        const torrents = await countsOf(hexes)
        if (torrents.length > 0) yield torrents
      }
    },
  }
}

const peersOf = ({ seeders, leechers }: ListedTorrent): number => seeders + leechers

const shardIndex = (hex: string): number => Number.parseInt(hex.slice(0, 3), 16)

/** The shard with the torrent at an offset, and how many torrents are in the shards before it. */
async function findOffset(
  offset: number,
  sizesOf: (from: number, to: number) => Promise<number[]>,
): Promise<{ shard: number; before: number }> {
  let before = 0
  if (offset === 0) return { shard: 0, before }
  for (let from = 0; from < SHARDS; from += SHARDS_AT_ONCE) {
    const sizes = await sizesOf(from, from + SHARDS_AT_ONCE)
    for (const [i, size] of sizes.entries()) {
      if (before + size > offset) return { shard: from + i, before }
      before += size
    }
  }
  return { shard: SHARDS, before }
}

/** Shards that are read side by side: none that is empty, and no more than what is wanted takes. */
function* groupsOf(sizes: readonly number[], from: number, wanted: () => number): Generator<number[]> {
  let group: number[] = []
  let hexes = 0
  for (const [i, size] of sizes.entries()) {
    if (size === 0) continue
    if (group.length > 0 && hexes + size > Math.min(HEXES_AT_ONCE, wanted())) {
      yield group
      group = []
      hexes = 0
    }
    group.push(from + i)
    hexes += size
  }
  if (group.length > 0) yield group
}
