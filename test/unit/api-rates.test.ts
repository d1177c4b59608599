import { describe, expect, it } from 'vitest'
import { makeCounters } from '../../lib/observe/counters.ts'
import { makeRates } from '../../services/api/v2/rates.ts'

const counted = (announces: number, connects = 0) => ({
  ...makeCounters(),
  udp4_announces: announces,
  udp4_connections: connects,
})

/** The rate of announces at each of some readings: [seconds, announces counted so far]. */
const ratesAt = (...readings: [atS: number, announces: number][]) => {
  const rate = makeRates()
  return readings.map(([atS, announces]) => rate({ atMs: atS * 1000, counters: counted(announces) })?.udp4_announces)
}

describe('rates of counters', () => {
  it('are known from the second reading on, each of its own counter', () => {
    const rate = makeRates()
    expect(rate({ atMs: 1000, counters: counted(10, 5) })).toBeUndefined()
    expect(rate({ atMs: 2000, counters: counted(40, 5.5) })).toMatchObject({
      udp4_announces: 30,
      udp4_connections: 0.5,
      tcp4_announces: 0,
    })
  })

  it('are means of the last 5 seconds, so that flushes that come in pairs do not show', () => {
    const announces = [0, 100, 100, 300, 400, 500, 600, 600, 800, 900]
    const readings = announces.map((count, i): [number, number] => [i, count])
    expect(ratesAt(...readings).slice(6)).toEqual([100, 100, 100, 100])
  })

  it('forget what was before 5 seconds', () => {
    const stopped = Array.from({ length: 6 }, (_, i): [number, number] => [2 + i, 1000])
    expect(ratesAt([0, 0], [1, 1000], ...stopped).at(-1)).toBe(0)
  })

  it('begin anew where the counters do, and after a gap', () => {
    expect(ratesAt([0, 500], [1, 600], [2, 10], [3, 30])).toEqual([undefined, 100, undefined, 20])
    expect(ratesAt([0, 0], [1, 10], [60, 70_000], [61, 70_020])).toEqual([undefined, 10, undefined, 20])
  })

  it('begin anew where another Redis has taken over, whose clock is behind', () => {
    expect(ratesAt([5000, 0], [5001, 10], [900, 20], [901, 50])).toEqual([undefined, 10, undefined, 30])
  })

  it('are nothing where two readings are of one moment', () => {
    expect(ratesAt([1, 5], [1, 5])).toEqual([undefined, undefined])
  })
})
