import { setTimeout as sleep } from 'node:timers/promises'
import { RANKED_BY, type RankedBy } from '../../lib/store/ranks.ts'
import type { ListedTorrent } from '../../lib/store/walk.ts'

/** Torrents in a ranking at most. */
export const RANKED_MAX = 10_000
/** Rest after each shard: a walk of 1 million torrents takes 2 minutes and 0.5 % of Redis. */
const SHARD_REST_MS = 20

/** Walks all torrents and writes the rankings; ends early, without writing, where it is told to stop. */
export async function rankAll({
  shards,
  walkShard,
  writeRanks,
  isStopping,
}: {
  shards: readonly string[]
  walkShard: (shard: string) => Promise<ListedTorrent[]>
  writeRanks: (by: RankedBy, ranked: readonly { hex: string; score: number }[]) => Promise<void>
  isStopping: () => boolean
}): Promise<{ torrents: number }> {
  const best = Object.fromEntries(RANKED_BY.map((by) => [by, makeBest()])) as Record<RankedBy, Best>
  let torrents = 0
  for (const shard of shards) {
    if (isStopping()) return { torrents }
    const found = await walkShard(shard)
    torrents += found.length
    for (const torrent of found) for (const by of RANKED_BY) best[by].add(torrent.hex, torrent[by])
    if (found.length > 0) await sleep(SHARD_REST_MS)
  }
  for (const by of RANKED_BY) await writeRanks(by, best[by].list())
  return { torrents }
}

type Ranked = { hex: string; score: number }
type Best = { add: (hex: string, score: number) => void; list: () => Ranked[] }

/** Keeps the best: never more than twice `RANKED_MAX` at a time. */
function makeBest(): Best {
  let kept: Ranked[] = []
  const list = (): Ranked[] => kept.sort((a, b) => b.score - a.score).slice(0, RANKED_MAX)
  return {
    list,
    add(hex, score) {
      if (score === 0) return
      if (kept.push({ hex, score }) >= 2 * RANKED_MAX) kept = list()
    },
  }
}
