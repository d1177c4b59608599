import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { endChild, startChild, untilListens } from '../bench/peers/process.ts'
import { temporaryFolder } from '../support/at-exit.ts'
import { freePort } from '../support/free-port.ts'

/** A series of a range query: its labels, and its points in seconds since the epoch. */
export type Series = { labels: Record<string, string>; points: [atS: number, value: number][] }

/** An alert that is pending or fires. */
export type Alert = { name: string; state: string; summary: string }

/** A Prometheus of one's own, which scrapes every second. */
export type Prometheus = {
  /** The series of an expression over the last so many seconds, a point a second. */
  range: (expression: string, seconds: number) => Promise<Series[]>
  alerts: () => Promise<Alert[]>
  stop: () => Promise<void>
}

/** Why there is no Prometheus here; nothing where there is one. */
export const missingPrometheus = (): string | undefined =>
  spawnSync('prometheus', ['--version']).error && 'prometheus is not installed (Debian: apt-get install prometheus)'

type Answer = {
  status: string
  error?: string
  data: {
    result?: { metric: Record<string, string>; values: [number, string][] }[]
    alerts?: { labels: Record<string, string>; annotations: Record<string, string>; state: string }[]
  }
}

/** Starts a Prometheus on a process's metrics, with the text of alert rules. */
export async function startPrometheus(metrics: string, rules: string): Promise<Prometheus> {
  const { path: folder, remove } = await temporaryFolder('prometheus')
  const port = await freePort()
  const config = `global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [${join(folder, 'rules.yml')}]
scrape_configs: [{ job_name: redswarm, static_configs: [{ targets: ['${metrics}'] }] }]
`
  await writeFile(join(folder, 'prometheus.yml'), config)
  await writeFile(join(folder, 'rules.yml'), rules)
  const server = startChild('prometheus', [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ])
  const stop = async () => {
    await endChild(server)
    await remove()
  }
  const ask = async (path: string): Promise<Answer['data']> => {
    const answer = (await (await fetch(`http://127.0.0.1:${port}/api/v1/${path}`)).json()) as Answer
    if (answer.status !== 'success') throw new Error(`${path}: ${answer.error}`)
    return answer.data
  }
  try {
    await untilListens(server, port)
  } catch (error) {
    await stop()
    throw error
  }
  return {
    async range(expression, seconds) {
      const end = Math.floor(Date.now() / 1000)
      const query = new URLSearchParams({ query: expression, start: `${end - seconds}`, end: `${end}`, step: '1' })
      const { result = [] } = await ask(`query_range?${query}`)
      return result.map(({ metric, values }) => ({
        labels: metric,
        points: values.map(([atS, text]): [number, number] => [atS, Number(text)]),
      }))
    },
    async alerts() {
      const { alerts = [] } = await ask('alerts')
      return alerts.map(({ labels, annotations, state }) => ({
        name: labels.alertname ?? '',
        state,
        summary: annotations.summary ?? '',
      }))
    },
    stop,
  }
}
