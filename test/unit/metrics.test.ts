import { describe, expect, it } from 'vitest'
import { COUNTER_NAMES, countRefused, makeCounters } from '../../lib/observe/counters.ts'
import { makeHistogram } from '../../lib/observe/histogram.ts'
import { makeMeasures } from '../../lib/observe/measures.ts'
import { type MetricSource, makeMetrics } from '../../lib/observe/metrics.ts'
import { frontendMetrics } from '../../services/metrics/frontend.ts'
import { samplesIn } from '../support/prometheus.ts'

const samplesOf = async (sources: MetricSource[]) => {
  const metrics = makeMetrics()
  metrics.add(sources)
  return samplesIn(await metrics.text())
}

describe('the metrics of a frontend', () => {
  const NOTHING_WAITS = {
    ...{ measures: makeMeasures(), waiting: () => ({ announces: 0, scrapes: 0 }), intervalS: () => 1800 },
  }

  it('are each of its own counter', async () => {
    const counters = makeCounters()
    // Each differs from all others, and from what is left where another is taken from it.
    COUNTER_NAMES.forEach((name, i) => {
      counters[name] = name.endsWith('_refused') ? 1 + i : 1000 * (1 + i)
    })
    const told = await samplesOf(frontendMetrics({ counters, ...NOTHING_WAITS }))
    const families = [
      ['udp', 'ipv4', 'udp4'],
      ['udp', 'ipv6', 'udp6'],
      ['http', 'ipv4', 'tcp4'],
      ['http', 'ipv6', 'tcp6'],
    ] as const
    for (const [protocol, family, of] of families) {
      const requests = (kind: string, outcome: string) =>
        told.get(
          `redswarm_requests_total{protocol="${protocol}",family="${family}",kind="${kind}",outcome="${outcome}"}`,
        )
      for (const kind of ['announce', 'scrape'] as const) {
        const refused = counters[`${of}_${kind}s_refused`]
        expect(requests(kind, 'refused')).toBe(refused)
        expect(requests(kind, 'ok')).toBe(counters[`${of}_${kind}s`] - refused)
      }
      expect(requests('unknown', 'invalid')).toBe(counters[`${of}_errors`])
      const connects = of === 'udp4' || of === 'udp6' ? counters[`${of}_connections`] : undefined
      expect(requests('connect', 'ok')).toBe(connects)
    }
    const refusals = (cause: string) => told.get(`redswarm_refusals_total{cause="${cause}"}`)
    for (const cause of ['unlisted', 'private', 'banned'] as const)
      expect(refusals(cause)).toBe(counters[`refused_${cause}`])
    for (const cause of ['busy', 'away', 'damaged'] as const) expect(refusals(cause)).toBe(counters[`store_${cause}`])
    const dropped = (cause: string) => told.get(`redswarm_datagrams_dropped_total{cause="${cause}"}`)
    expect(['no_request', 'overload', 'error_budget', 'banned'].map(dropped)).toEqual([
      ...[counters.udp_ignored, counters.udp_dropped, counters.udp_errors_silenced, counters.udp_banned],
    ])
    expect(told.get('redswarm_datagrams_unsent_total')).toBe(counters.udp_unsent)
  })

  it('tell what waits of each kind, and the interval in whole seconds', async () => {
    const waiting = () => ({ announces: 3, scrapes: 5 })
    const readings = { ...NOTHING_WAITS, counters: makeCounters(), waiting, intervalS: () => 1980.4 }
    const told = await samplesOf(frontendMetrics(readings))
    expect(told.get('redswarm_announce_interval_seconds')).toBe(1980)
    expect(['announces', 'scrapes'].map((kind) => told.get(`redswarm_waiting{kind="${kind}"}`))).toEqual([3, 5])
  })
})

it('what is refused by access is counted by its cause, and what Redis has refused is the store`s to count', () => {
  const counters = makeCounters()
  for (const cause of ['unlisted', 'private', 'private', 'denied', 'busy', 'away', 'damaged'])
    countRefused(counters, 'tcp6_scrapes', cause)
  const counted = Object.entries(counters).filter(([, count]) => count > 0)
  expect(Object.fromEntries(counted)).toEqual({
    tcp6_scrapes_refused: 7,
    refused_unlisted: 1,
    refused_private: 2,
    refused_denied: 1,
  })
})

it('a histogram counts what is just its bound with what is below, and all in the last bucket', async () => {
  const histogram = makeHistogram([1, 2.5])
  histogram.observe(1)
  histogram.observe(1.5, 3)
  histogram.observe(2.5)
  histogram.observe(9, 2)
  const told = await samplesOf([{ name: 'h', help: 'h', type: 'histogram', read: () => [[{ a: 'b' }, histogram]] }])
  const own = [...told].filter(([name]) => /^h_/.test(name))
  expect(Object.fromEntries(own)).toEqual({
    ...{ 'h_bucket{a="b",le="1"}': 1, 'h_bucket{a="b",le="2.5"}': 5, 'h_bucket{a="b",le="+Inf"}': 7 },
    ...{ 'h_sum{a="b"}': 1 + 4.5 + 2.5 + 18, 'h_count{a="b"}': 7 },
  })
})
