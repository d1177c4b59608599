import { type Histogram, makeHistogram } from './histogram.ts'

/** Seconds: from 100 µs, an idle tracker's answer, to what no client waits for. */
const SECONDS = [1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1, 2.5]
/** Of datagrams at most 64 come together, of info hashes at most 256. */
const SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256]

/** Requests whose answers are timed. */
export const TIMED = ['udp_connect', 'udp_announce', 'udp_scrape', 'http_announce', 'http_scrape'] as const
/** What goes together: datagrams in one read, announces and info hashes of scrapes in one call of Redis. */
export const BATCHED = ['datagrams', 'announces', 'scrapes'] as const
/** Calls of Redis that are timed. */
export const CALLED = ['announce', 'scrape'] as const

/** What a frontend measures beside what it counts. */
export type Measures = {
  /** Seconds from when a request was read to when its answer was handed to the system. */
  durations: Record<(typeof TIMED)[number], Histogram>
  batches: Record<(typeof BATCHED)[number], Histogram>
  /** Seconds from when a call was sent to Redis to its answer. */
  calls: Record<(typeof CALLED)[number], Histogram>
  /** Announces that were refused since too many waited for Redis: `store_busy` counts info hashes of scrapes, too. */
  announcesBusy: number
}

/** What a process measures of the sweeps that it runs. */
export type SweepMeasures = {
  /** Seconds that whole sweeps took. */
  seconds: Histogram
  /** Shards that the sweep under way, or the last one, has looked at. */
  shardsDone: number
  peersRemoved: number
  torrentsDropped: number
  damaged: number
}

const histogramsOf = <Name extends string>(names: readonly Name[], bounds: readonly number[]) =>
  Object.fromEntries(names.map((name) => [name, makeHistogram(bounds)])) as Record<Name, Histogram>

/** Measures of nothing yet. */
export const makeMeasures = (): Measures => ({
  durations: histogramsOf(TIMED, SECONDS),
  batches: histogramsOf(BATCHED, SIZES),
  calls: histogramsOf(CALLED, SECONDS),
  announcesBusy: 0,
})

/** Seconds of a sweep: of an empty tracker, and of one that Redis is hardly quick enough for. */
const SWEEP_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100]

/** Measures of no sweep yet. */
export const makeSweepMeasures = (): SweepMeasures => ({
  ...{ seconds: makeHistogram(SWEEP_SECONDS), shardsDone: 0, peersRemoved: 0, torrentsDropped: 0, damaged: 0 },
})

/** Seconds since a time that `performance.now()` told. */
export const secondsSince = (startMs: number): number => (performance.now() - startMs) / 1000
