/** A histogram as Prometheus has them: how many values were at most each bound, and their sum. */
export type Histogram = {
  /** Records a value, as often as it came. */
  observe: (value: number, times?: number) => void
  read: () => HistogramReading
}

/** What a histogram recorded: `counts[i]` values lie between `bounds[i - 1]` and `bounds[i]`, the last above all bounds. */
export type HistogramReading = { bounds: readonly number[]; counts: readonly number[]; sum: number }

/** A histogram of these bounds, ascending. To record takes some 10 ns: it is done for every batch. */
export function makeHistogram(bounds: readonly number[]): Histogram {
  const counts = new Array<number>(bounds.length + 1).fill(0)
  let sum = 0
  return {
    observe(value, times = 1) {
      let place = 0
      while (place < bounds.length && value > (bounds[place] as number)) place += 1
      counts[place] = (counts[place] as number) + times
      sum += value * times
    },
    read: () => ({ bounds, counts: [...counts], sum }),
  }
}
