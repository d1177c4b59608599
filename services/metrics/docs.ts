import { makeCounters } from '../../lib/observe/counters.ts'
import { makeMeasures, makeSweepMeasures } from '../../lib/observe/measures.ts'
import type { MetricSource } from '../../lib/observe/metrics.ts'
import { connectionsMetric, frontendMetrics } from './frontend.ts'
import { processMetrics } from './process.ts'
import { sweeperMetrics } from './sweeper.ts'
import { trackerMetrics } from './tracker.ts'

const NOTHING = {
  ...{ totals: { torrents: 0, seeders: 0, leechers: 0, completed: 0 }, processes: [] },
  server: { usedBytes: 0, maxBytes: 0 },
  ...{ sweeper: { sweptS: 0, holdS: 0 }, audit: { atS: 0, drift: 0 } },
}

/** All metrics of our own, by who tells them. */
const ALL: [who: string, sources: MetricSource[]][] = [
  ['every process', processMetrics({ version: '', roles: [], isRedisUp: () => true })],
  [
    'frontends (`udp`, `http`)',
    frontendMetrics({
      counters: makeCounters(),
      measures: makeMeasures(),
      waiting: () => ({ announces: 0, scrapes: 0 }),
      intervalS: () => 0,
    }),
  ],
  ['`http`', [connectionsMetric(() => 0)]],
  ['sweepers', sweeperMetrics(makeSweepMeasures())],
  ['`api`, of the whole tracker', trackerMetrics(async () => NOTHING)],
]

/** A page with the table of all metrics put in, between its marks. */
export async function withMetrics(page: string): Promise<string> {
  const table = await metricsTable()
  return page.replace(
    /(<!-- metrics:begin -->\n).*(<!-- metrics:end -->)/s,
    (_, begin, end) => `${begin}${table}\n${end}`,
  )
}

async function metricsTable(): Promise<string> {
  const rows: string[] = []
  for (const [who, sources] of ALL) {
    for (const source of sources) {
      const labels = await labelsOf(source)
      rows.push(`| \`${source.name}\` | ${source.type} | ${labels} | ${source.help} | ${who} |`)
    }
  }
  return ['| metric | type | labels | what | told by |', '| --- | --- | --- | --- | --- |', ...rows].join('\n')
}

/** The labels of a metric with all values that they have. */
async function labelsOf(source: MetricSource): Promise<string> {
  const values = new Map<string, Set<string>>()
  for (const [labels] of await source.read())
    for (const [name, value] of Object.entries(labels)) values.set(name, (values.get(name) ?? new Set()).add(value))
  return [...values]
    .map(([name, found]) => `\`${name}\`${[...found].join('') === '' ? '' : `: ${[...found].join(', ')}`}`)
    .join('; ')
}
