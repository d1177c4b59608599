import { collectDefaultMetrics, type Metric as PromMetric, Registry } from 'prom-client'
import type { Histogram } from './histogram.ts'

/** The media type of Prometheus's text format. */
export const METRICS_TYPE = Registry.PROMETHEUS_CONTENT_TYPE

type Labels = Record<string, string>

/** What a metric is, and how it is read when somebody asks: nothing is added up before. */
export type MetricSource = { name: string; help: string } & (
  | { type: 'counter' | 'gauge'; read: () => Samples | Promise<Samples> }
  | { type: 'histogram'; read: () => [Labels, Histogram][] }
)

/** Samples, one for each set of labels. */
export type Samples = [labels: Labels, value: number][]

/** What a process tells Prometheus. */
export type Metrics = {
  add: (sources: readonly MetricSource[]) => void
  /** All metrics in Prometheus's text format. One that cannot be read, Redis being away, is left without samples. */
  text: () => Promise<string>
}

/** The metrics of a process: those of Node itself (event loop, garbage collection, memory) until others are added. */
export function makeMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  return {
    add(sources) {
      // A metric of one's own is what has a name and can be asked for its values, though the types know classes only.
      for (const source of sources) registry.registerMetric(promMetric(source) as unknown as PromMetric<string>)
    },
    text: () => registry.metrics(),
  }
}

type Value = { labels: Record<string, string | number>; value: number; metricName?: string }

const promMetric = (source: MetricSource) => ({
  name: source.name,
  get: async () => ({
    ...{ name: source.name, help: source.help, type: source.type, aggregator: 'sum' },
    values: await valuesOf(source).catch(() => []),
  }),
})

async function valuesOf(source: MetricSource): Promise<Value[]> {
  if (source.type === 'histogram')
    return source.read().flatMap(([labels, histogram]) => histogramValues(source.name, labels, histogram))
  return (await source.read()).map(([labels, value]) => ({ labels, value }))
}

/** Prometheus counts in each bucket what is in those below it, too. */
function histogramValues(name: string, labels: Labels, histogram: Histogram): Value[] {
  const { bounds, counts, sum } = histogram.read()
  const values: Value[] = []
  let below = 0
  for (const [i, count] of counts.entries()) {
    below += count
    values.push({ metricName: `${name}_bucket`, labels: { ...labels, le: bounds[i] ?? '+Inf' }, value: below })
  }
  values.push({ metricName: `${name}_sum`, labels, value: sum }, { metricName: `${name}_count`, labels, value: below })
  return values
}
