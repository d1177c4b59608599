import type { Counters } from '../lib/observe/counters.ts'
import type { Measures } from '../lib/observe/measures.ts'
import type { AnnounceLoad } from '../lib/swarm/announce-interval.ts'

/** Tells what became of announces since it was asked last, by what is measured anyhow. */
export function makeLoadReader({ counters, measures }: { counters: Counters; measures: Measures }): () => AnnounceLoad {
  const { udp_announce, http_announce } = measures.durations
  const readAll = () => {
    const readings = [udp_announce.read(), http_announce.read()]
    return {
      answered: readings.reduce((sum, { counts }) => sum + counts.reduce((all, count) => all + count, 0), 0),
      waitedS: readings.reduce((all, { sum }) => all + sum, 0),
      // Not what is refused of scrapes: anybody can send more of these at once than may wait, and they come at no interval.
      lost: measures.announcesBusy + counters.udp_dropped,
    }
  }
  let before = readAll()
  return () => {
    const now = readAll()
    const load = {
      answered: now.answered - before.answered,
      waitedS: now.waitedS - before.waitedS,
      lost: now.lost - before.lost,
    }
    before = now
    return load
  }
}
