import Type, { type TSchema } from 'typebox'

/** The media type of Prometheus's text format. */
export const PROMETHEUS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** `?format=`, as Torrust has it. */
export const FormatQuery = Type.Object({
  format: Type.Optional(Type.Union([Type.Literal('json'), Type.Literal('prometheus')], { default: 'json' })),
})

/** What is answered in either format. */
export const inBothFormats = (json: TSchema) => ({
  description: "As JSON, or in Prometheus's text format",
  content: { 'application/json': { schema: json }, 'text/plain': { schema: Type.String() } },
})

/** A metric and its samples, one for each set of labels. */
export type Metric = {
  type: 'counter' | 'gauge'
  name: string
  description: string
  samples: { labels: Record<string, string>; value: number }[]
}

/** Metrics in Prometheus's text format, a blank line between two. */
export function metricsText(metrics: readonly Metric[]): string {
  return metrics
    .map(({ type, name, description, samples }) =>
      [
        `# HELP ${name} ${description}`,
        `# TYPE ${name} ${type}`,
        ...samples.map(({ labels, value }) => `${name}${labelsText(labels)} ${value}`),
        '',
      ].join('\n'),
    )
    .join('\n')
}

function labelsText(labels: Record<string, string>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}
