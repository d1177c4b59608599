import { barChart, type ChartRow } from '../chart.ts'
import { figure, markdownTable } from '../table.ts'
import type { Metric } from './measure.ts'
import type { Result } from './run.ts'

const TITLES: Record<Metric, string> = {
  redisUs: "CPU of Redis's main thread, µs per operation",
  wallUs: 'Wall clock, µs per operation (1,024 announces under way; add_one_torrent and pages: one)',
  nodeUs: "CPU of the caller's Node, µs per operation",
  bytes: 'Memory of Redis',
}

const unique = (texts: readonly string[]): string[] => [...new Set(texts)]

function tableOf(results: readonly Result[], metric: Metric): string {
  const those = results.filter((result) => result[metric])
  const names = unique(those.map(({ implementation }) => implementation))
  const cell = (operation: string, name: string): string => {
    const summary = those.find((each) => each.operation === operation && each.implementation === name)?.[metric]
    if (!summary) return '–'
    return summary.half !== null ? `${figure(summary.mean)} ± ${figure(summary.half)}` : figure(summary.mean)
  }
  const rows = unique(those.map(({ operation }) => operation)).map((operation) => [
    operation,
    ...names.map((name) => cell(operation, name)),
  ])
  return `#### ${TITLES[metric]}\n\n${markdownTable(['operation', ...names], rows)}`
}

const METRICS = Object.keys(TITLES) as Metric[]

/** What goes into the docs: what a run of another day can be held against. */
export const PAGE_METRICS: readonly Metric[] = ['redisUs', 'bytes']

/** The tables of these metrics: mean and half of the 95 % confidence interval. */
export function tablesOf(results: readonly Result[], wanted: readonly Metric[] = METRICS): string {
  const metrics = wanted.filter((metric) => results.some((result) => result[metric]))
  return metrics.map((metric) => tableOf(results, metric)).join('\n\n')
}

type ChartOf = { metric: Metric; shows: RegExp; isLog?: boolean }

/** The bars of a chart, and their intervals: a logarithmic axis has no place for what is not above zero. */
export const rowsOf = (results: readonly Result[], { metric, shows, isLog = false }: ChartOf): ChartRow[] =>
  results.flatMap(({ operation, implementation, [metric]: summary }) => {
    if (!summary || !shows.test(operation)) return []
    const { mean } = summary
    const half = summary.half ?? 0
    return [
      {
        label: operation,
        series: implementation,
        value: mean,
        low: isLog ? Math.max(mean - half, mean / 10) : mean - half,
        high: mean + half,
      },
    ]
  })

const CHARTS: ({ name: string; title: string; unit: string } & ChartOf)[] = [
  {
    name: 'torrust',
    title: "Torrust's four operations",
    unit: "µs of Redis's CPU per operation (log)",
    metric: 'redisUs',
    isLog: true,
    shows: /_torrent/,
  },
  {
    name: 'mixed',
    title: 'Mixed load, scrape and sweep',
    unit: "µs of Redis's CPU per operation",
    metric: 'redisUs',
    shows: /^(mixed|scrape|sweep)/,
  },
  {
    name: 'swarms',
    title: '30 peers from swarms of a size',
    unit: "µs of Redis's CPU per announce",
    metric: 'redisUs',
    shows: /^30 peers/,
  },
  {
    name: 'join',
    title: 'Joining and leaving swarms of a size',
    unit: "µs of Redis's CPU per announce",
    metric: 'redisUs',
    shows: /^(join|leave)/,
  },
  { name: 'memory', title: 'Memory', unit: 'bytes per peer', metric: 'bytes', shows: /per peer/ },
]

/** The pictures by name, of those that have something to show. */
export async function chartsOf(results: readonly Result[]): Promise<{ name: string; title: string; svg: string }[]> {
  const charts = CHARTS.map((chart) => ({
    ...chart,
    rows: rowsOf(results, chart),
  }))
  return Promise.all(
    charts
      .filter(({ rows }) => rows.length > 0)
      .map(async ({ name, title, ...chart }) => ({ name, title, svg: await barChart({ title, ...chart }) })),
  )
}
