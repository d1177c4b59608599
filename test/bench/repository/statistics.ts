import { mean, median, sampleStandardDeviation } from 'simple-statistics'

/** What rounds say of a figure: `half` is half of the mean's 95 % confidence interval. */
export type Summary = { mean: number; median: number; half: number | null; rounds: number }

/** Student's t, 97.5 %, by degrees of freedom from 1 on: with few rounds the normal's 1.96 would tell half the truth. */
const T_975 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086,
]

/** Mean and median, with the interval of Student's t; of one value there is none: null. */
export function summarize(values: readonly number[]): Summary {
  const all = [...values]
  const freedom = all.length - 1
  const t = T_975[freedom - 1] ?? 2.086
  const half = freedom < 1 ? null : (t * sampleStandardDeviation(all)) / Math.sqrt(all.length)
  return { mean: mean(all), median: median(all), half, rounds: all.length }
}
