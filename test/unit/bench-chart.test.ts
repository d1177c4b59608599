import { describe, expect, it } from 'vitest'
import { barChart } from '../bench/chart.ts'
import { summarize } from '../bench/repository/statistics.ts'

describe('a chart of a benchmark', () => {
  it.each([false, true])('shows every label, series, value and unit whole (logarithmic: %s)', async (isLog) => {
    const label = 'update_multiple_torrents_in_parallel'
    const rows = [
      { label, series: 'redswarm', value: 8.25, low: 8, high: 8.5 },
      { label, series: 'sorted sets', value: 1234, low: 1200, high: 1300 },
    ]
    const svg = await barChart({ title: 'What it costs', unit: 'µs per operation', rows, isLog })
    for (const text of ['What it costs', 'µs per operation', label, 'redswarm', 'sorted sets', '8.25', '1,234']) {
      expect(svg).toContain(`>${text}</text>`)
    }
  })
})

describe('the figures of rounds', () => {
  it("have the confidence interval of Student's t", () => {
    const { mean, median, half, rounds } = summarize([9, 10, 11, 14, 6])
    expect({ mean, median, rounds }).toEqual({ mean: 10, median: 10, rounds: 5 })
    // s = 2.9155, t(0.975, 4) = 2.776
    expect(half).toBeCloseTo(3.62, 2)
  })
})
