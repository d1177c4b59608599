import type { Logger } from '../../lib/observe/log.ts'
import { makeSweepMeasures, type SweepMeasures, secondsSince } from '../../lib/observe/measures.ts'
import type { SweepPiece } from '../../lib/store/sweep.ts'

/** What a whole sweep did. */
export type SweepReport = { peersRemoved: number; torrentsDropped: number; damaged: number; pieces: number }

/** Pieces of one shard in a sweep at most: what is left is the next sweep's. */
const PIECES_PER_SHARD_MAX = 2000
/** Shards swept side by side: Redis has the next piece at hand, and announces come in between. */
const SHARDS_AT_ONCE = 4

/** Sweeps all shards once, in pieces of a millisecond; ends early where it is told to stop. */
export async function sweepAll({
  shards,
  sweepShard,
  isStopping,
  measures = makeSweepMeasures(),
  log,
}: {
  shards: readonly string[]
  sweepShard: (shard: string) => Promise<SweepPiece>
  isStopping: () => boolean
  measures?: SweepMeasures
  log: Logger
}): Promise<SweepReport> {
  const report: SweepReport = { peersRemoved: 0, torrentsDropped: 0, damaged: 0, pieces: 0 }
  const left = shards.values()
  const startMs = performance.now()
  measures.shardsDone = 0
  const work = async (): Promise<void> => {
    for (const shard of left) {
      let hasMore = true
      for (let pieces = 0; hasMore && pieces < PIECES_PER_SHARD_MAX && !isStopping(); pieces++) {
        const piece = await sweepShard(shard)
        hasMore = piece.hasMore
        report.peersRemoved += piece.peersRemoved
        report.torrentsDropped += piece.torrentsDropped
        report.damaged += piece.damaged.length
        report.pieces += 1
        measures.peersRemoved += piece.peersRemoved
        measures.torrentsDropped += piece.torrentsDropped
        measures.damaged += piece.damaged.length
        for (const problem of piece.damaged) log.error({ problem }, 'a key in Redis is damaged')
      }
      if (!isStopping()) measures.shardsDone += 1
    }
  }
  await Promise.all(Array.from({ length: SHARDS_AT_ONCE }, work))
  if (!isStopping()) measures.seconds.observe(secondsSince(startMs))
  return report
}
