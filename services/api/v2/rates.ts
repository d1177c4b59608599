import { COUNTER_NAMES, type CounterName, type Counters } from '../../../lib/observe/counters.ts'

/** Counters a second. */
export type Rates = Record<CounterName, number>

/** What was counted up to a time. */
type Sample = { atMs: number; counters: Counters }

/** Rates are over so long: frontends flush once a second, and a reading has none, one or two flushes of each in it. */
const RATED_OVER_MS = 5000
/** Past that, a mean over a gap would be told as now. */
const GAP_MS_MAX = 15_000

/** Rates of the last seconds from one reading of the counters after another; undefined at the first. */
export function makeRates(): (sample: Sample) => Rates | undefined {
  let samples: Sample[] = []
  return (sample) => {
    const last = samples.at(-1)
    // Counters only grow, unless Redis has lost its data, or damaged ones cannot be read as numbers; time too, unless
    // another Redis has taken over.
    const isNext =
      last !== undefined &&
      sample.atMs > last.atMs &&
      sample.atMs - last.atMs <= GAP_MS_MAX &&
      COUNTER_NAMES.every((name) => sample.counters[name] >= last.counters[name])
    samples = isNext ? [...samples, sample] : [sample]
    // The first one is as long ago as rates are over, or the last that is longer ago.
    while (samples[1] !== undefined && sample.atMs - samples[1].atMs >= RATED_OVER_MS) samples.shift()
    const first = samples[0] as Sample
    const seconds = (sample.atMs - first.atMs) / 1000
    return seconds > 0 ? ratesBetween(first, sample, seconds) : undefined
  }
}

const ratesBetween = (first: Sample, last: Sample, seconds: number): Rates =>
  Object.fromEntries(
    COUNTER_NAMES.map((name) => [name, rounded((last.counters[name] - first.counters[name]) / seconds)]),
  ) as Rates

const rounded = (rate: number): number => Math.round(rate * 10) / 10
