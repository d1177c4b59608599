import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { rankAll } from '../../services/sweeper/rank.ts'
import { sweepAll } from '../../services/sweeper/sweep.ts'

const log = pino({ level: 'silent' })
const RANKED_MAX = 10_000

describe('a sweep', () => {
  /** Sweeps 20 shards of 5 pieces each; told to stop after so many pieces. */
  const sweepUntil = async (piecesMax: number) => {
    const pieces = new Map<string, number>()
    let count = 0
    const report = await sweepAll({
      shards: Array.from({ length: 20 }, (_, i) => `shard ${i}`),
      sweepShard: async (shard) => {
        count += 1
        pieces.set(shard, (pieces.get(shard) ?? 0) + 1)
        return { hasMore: pieces.get(shard) !== 5, peersRemoved: 2, torrentsDropped: 1, damaged: [] }
      },
      isStopping: () => count >= piecesMax,
      log,
    })
    return { report, pieces }
  }

  it('sweeps every shard until it has no more, and adds up what was done', async () => {
    const { report, pieces } = await sweepUntil(Number.POSITIVE_INFINITY)
    expect([...pieces.values()]).toEqual(Array(20).fill(5))
    expect(report).toEqual({ peersRemoved: 200, torrentsDropped: 100, damaged: 0, pieces: 100 })
  })

  it('ends where it is told to stop, in the middle of a shard', async () => {
    expect((await sweepUntil(10)).report.pieces).toBe(10)
  })
})

describe('the rankings', () => {
  it('hold the best 10,000 torrents of all, best first, however the walk comes upon them', async () => {
    const COUNT = 3 * RANKED_MAX
    // Each number up to COUNT once, in an order that is neither up nor down: 7919 is a prime.
    const torrents = Array.from({ length: COUNT }, (_, i) => {
      const seeders = ((i * 7919) % COUNT) + 1
      return { hex: `torrent ${seeders}`, seeders, leechers: COUNT + 1 - seeders, completed: 0 }
    })
    const written = new Map<string, readonly { hex: string; score: number }[]>()
    const { torrents: walked } = await rankAll({
      shards: ['0', '1', '2', '3'],
      walkShard: async (shard) => torrents.filter((_, i) => i % 4 === Number(shard)),
      writeRanks: async (by, ranked) => void written.set(by, ranked),
      isStopping: () => false,
    })
    const best = Array.from({ length: RANKED_MAX }, (_, i) => COUNT - i)
    expect(walked).toBe(COUNT)
    expect(written.get('seeders')).toEqual(best.map((score) => ({ hex: `torrent ${score}`, score })))
    expect(written.get('leechers')).toEqual(best.map((score) => ({ hex: `torrent ${COUNT + 1 - score}`, score })))
    expect(written.get('completed')).toEqual([])
  })

  it('are not written by a walk that is told to stop', async () => {
    let walked = 0
    await rankAll({
      shards: ['0', '1', '2'],
      walkShard: async () => {
        walked += 1
        return [{ hex: 'torrent', seeders: 1, leechers: 1, completed: 1 }]
      },
      writeRanks: () => Promise.reject(new Error('written')),
      isStopping: () => walked === 2,
    })
    expect(walked).toBe(2)
  })
})
