import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js'

/** Latencies, kept to three digits from a microsecond to a minute. */
export type Latencies = {
  record: (ms: number) => void
  /** What was recorded, as text that another process reads. */
  encode: () => string
  /** Adds what another process recorded. */
  add: (encoded: string) => void
  reset: () => void
  percentiles: () => LatencyMs
}

/** Percentiles in milliseconds; 0 where nothing was recorded. */
export type LatencyMs = { p50: number; p90: number; p99: number; p999: number; max: number }

const LONGEST_US = 60_000_000

/** An HDR histogram of latencies, empty. */
export function makeLatencies(): Latencies {
  const histogram: Histogram = build({
    bitBucketSize: 32,
    autoResize: false,
    lowestDiscernibleValue: 1,
    highestTrackableValue: LONGEST_US,
    numberOfSignificantValueDigits: 3,
  })
  const at = (percentile: number) => histogram.getValueAtPercentile(percentile) / 1000
  return {
    record: (ms) => histogram.recordValue(Math.min(LONGEST_US, Math.max(1, Math.round(ms * 1000)))),
    encode: () => encodeIntoCompressedBase64(histogram),
    add: (encoded) => histogram.add(decodeFromCompressedBase64(encoded)),
    reset: () => histogram.reset(),
    percentiles: () =>
      histogram.totalCount === 0
        ? { p50: 0, p90: 0, p99: 0, p999: 0, max: 0 }
        : { p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), max: histogram.maxValue / 1000 },
  }
}
