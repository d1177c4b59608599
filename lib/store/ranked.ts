import { atMasterOf } from './at-masters.ts'
import type { AwayMasters } from './away-masters.ts'
import type { RedisClient } from './client.ts'
import type { Keys } from './keys.ts'
import type { RankedBy } from './ranks.ts'
import { loadScript, runScript } from './scripts.ts'
import { type ListedTorrent, makeCountsReader } from './walk.ts'

/** The two directions of a ranking. */
export const ORDERS = ['desc', 'asc'] as const

/** One of them. */
export type Order = (typeof ORDERS)[number]

/** A place in a ranking: the id of the ranking, and the last torrent that was read, with its count there. */
export type RankPlace = { id: number; count: number; hex: string }

/** A torrent with its counts of now, and the count that it is ranked by. */
export type RankedTorrent = ListedTorrent & { ranked: number }

/** A page of a ranking. */
export type RankedPage = {
  /** When the ranking was made, milliseconds since the epoch; undefined where none was made yet. */
  madeMs: number | undefined
  /** Torrents in the ranking. */
  total: number
  torrents: RankedTorrent[]
  next: RankPlace | undefined
}

/** Reads rankings, a page at a time; torrents on masters that are `away` are left out. */
export type RankedListing = (page: {
  by: RankedBy
  order: Order
  limit: number
  after?: RankPlace | undefined
  away?: AwayMasters
}) => Promise<RankedPage>

/** The reader of the rankings in a Redis. */
export function makeRankedListing({ redis, keys }: { redis: RedisClient; keys: Keys }): RankedListing {
  const script = loadScript('ranked')
  const countsOf = makeCountsReader({ redis, keys })
  return async ({ by, order, limit, after, away }) => {
    const names = [keys.ranks(by), keys.ranksBefore(by), keys.ranksMade(by)] as const
    // One more than asked for tells whether there is a page after this one.
    const args = [...names, after?.id ?? '', after?.count ?? '', after?.hex ?? '', order, limit + 1]
    const reply = await atMasterOf(redis, names[0], (node) => runScript(node, script, [], args))
    const [id, total, ...pairs] = reply as [Buffer, number, ...Buffer[]]
    const ranks = Array.from({ length: pairs.length / 2 }, (_, i) => ({
      hex: String(pairs[2 * i]),
      count: Number(pairs[2 * i + 1]),
    }))
    if (order === 'desc') ranks.reverse()
    const shown = ranks.slice(0, limit)
    const there = shown.filter(({ hex }) => !away?.of(keys.swarm(hex)))
    const counts = new Map((await countsOf(there.map(({ hex }) => hex))).map((torrent) => [torrent.hex, torrent]))
    const last = ranks.length > limit ? shown.at(-1) : undefined
    const madeMs = id.length > 0 ? Number(id) : undefined
    return {
      madeMs,
      total,
      torrents: shown.flatMap(({ hex, count }) => {
        const torrent = counts.get(hex)
        return torrent ? [{ ...torrent, ranked: count }] : []
      }),
      next: last && { id: madeMs ?? 0, ...last },
    }
  }
}
