import { requestsOf } from './figures.js'
import { counted, rate } from './format.js'

/** @import { State } from './types.d.ts' */

/** Figures change each second; they are said at most so often, and only where they have become others. */
const EVERY_MS = 60_000
const CHANGED_BY = 0.1

/** Says what the tracker does, for who does not see it, now and then. */
export function makeSpeech() {
  let saidMs = Number.NEGATIVE_INFINITY
  /** @type {number[]} */
  let said = []
  /** What is to be said now; nothing where that is too soon, or the same. @param {State} state @param {number} nowMs */
  return ({ rates, totals }, nowMs) => {
    if (!rates || !totals || nowMs - saidMs < EVERY_MS) return undefined
    const figures = [requestsOf(rates), totals.torrents, totals.seeders, totals.leechers]
    if (!figures.some((value, i) => Math.abs(value - (said[i] ?? -1)) > CHANGED_BY * value)) return undefined
    saidMs = nowMs
    said = figures
    const counts = [
      counted(totals.torrents, 'torrent'),
      counted(totals.seeders, 'seeder'),
      counted(totals.leechers, 'leecher'),
    ]
    return `${rate(figures[0] ?? 0)} requests a second, ${counts.join(', ')}`
  }
}
