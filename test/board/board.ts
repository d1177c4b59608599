import { readFileSync } from 'node:fs'
import type { Prometheus, Series } from './prometheus.ts'

/** A panel of the Grafana dashboard. */
export type Panel = {
  title: string
  type: string
  gridPos: { x: number; y: number; w: number; h: number }
  fieldConfig: { defaults: { unit: string } }
  targets: { expr: string; legendFormat: string }[]
}

const FILE = new URL('../../infra/grafana/redswarm.json', import.meta.url)

/** The panels of infra/grafana/redswarm.json that show data, in their order. */
export const boardPanels = (): Panel[] =>
  (JSON.parse(readFileSync(FILE, 'utf8')) as { panels: Panel[] }).panels.filter(({ type }) => type !== 'row')

/** An expression with what Grafana would put in for all jobs and processes; rates over so many seconds. */
const filled = (expression: string): string =>
  expression.replaceAll('$job', '.*').replaceAll('$instance', '.*').replaceAll('$__rate_interval', '5s')

/** A line of a panel: its name as the legend has it. */
export type Line = { name: string; points: Series['points'] }

/** What a panel shows of the last seconds. */
export async function linesOf({ targets }: Panel, prometheus: Prometheus, seconds: number): Promise<Line[]> {
  const lines: Line[] = []
  for (const { expr, legendFormat } of targets) {
    for (const { labels, points } of await prometheus.range(filled(expr), seconds)) {
      const name = legendFormat.replace(/\{\{(\w+)\}\}/g, (_, label: string) => labels[label] ?? '')
      lines.push({ name, points: points.filter(([, value]) => Number.isFinite(value)) })
    }
  }
  return lines
}
