import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { call } from '../support/api.ts'
import { temporaryFolder } from '../support/at-exit.ts'
import { useRedis } from '../support/redis.ts'
import { withTracker } from '../support/tracker.ts'

type Panel = { title: string; type: string; targets?: { expr: string }[] }

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const panels = (JSON.parse(read('infra/grafana/redswarm.json')) as { panels: Panel[] }).panels
const rules = read('infra/prometheus/rules.yml')
/** Names that Prometheus gives itself, of what it scrapes. */
const ITS_OWN = new Set(['up'])

/** The metrics that an expression of PromQL names, with the part of a histogram left out. */
const namesIn = (expression: string): string[] =>
  [...expression.replace(/"[^"]*"|by \([^)]*\)/g, '').matchAll(/\b((?:redswarm|nodejs|process)_[a-z0-9_]+|up)\b/g)].map(
    ([, name = '']) => name.replace(/_(bucket|sum|count)$/, ''),
  )

describe('the dashboard and the alerts', () => {
  const server = useRedis()

  it('name no metric that no process tells', () =>
    withTracker(server().url, { roles: ['udp', 'http', 'api', 'sweeper'] }, async ({ metricsUrl }) => {
      const { text } = await call(`${metricsUrl}/metrics`, { token: '' })
      const told = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name))
      const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
      const named = new Set(
        [...expressions, ...rules.matchAll(/expr: ((?:.|\n {10})+)/g)].flatMap((e) => namesIn(`${e}`)),
      )
      expect(named.size).toBeGreaterThan(20)
      expect([...named].filter((name) => !told.has(name) && !ITS_OWN.has(name))).toEqual([])
      const shown = [...told].filter((name) => name?.startsWith('redswarm_') && !named.has(name))
      // What is told and on no panel; a version is for a table.
      expect(shown).toEqual([
        'redswarm_info',
        'redswarm_eviction_hold_timestamp_seconds',
        'redswarm_audit_timestamp_seconds',
      ])
    }))

  it('have an alert for each row of docs/metrics.md, and a row for each alert', () => {
    const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name]) => name)
    const rows = [...read('docs/metrics.md').matchAll(/^\| `(Redswarm\w+)` \|/gm)].map(([, name]) => name)
    expect(rows).toEqual(alerts)
  })

  it('are right by promtool, where it is installed', ({ skip }) => {
    const check = (...args: string[]) => spawnSync('promtool', ['check', ...args], { encoding: 'utf8' })
    if (check('config', '--help').error) return skip('promtool is not installed (Debian: prometheus)')
    for (const args of [
      ['config', 'infra/prometheus/prometheus.yml'],
      ['rules', 'infra/prometheus/rules.yml'],
    ]) {
      const { status, stdout, stderr } = check(...args)
      expect([status, stderr]).toEqual([0, ''])
      expect(stdout).toContain('SUCCESS')
    }
  })

  it('wake for a tracker that nobody sweeps, never swept or not for long, by promtool where it is installed', async ({
    skip,
  }) => {
    const { path: folder, remove } = await temporaryFolder('promtool')
    const rules = fileURLToPath(new URL('../../infra/prometheus/rules.yml', import.meta.url))
    const caseOf = (swept: string, fires: boolean) => `
  - interval: 1m
    input_series:
      - { series: 'redswarm_torrents{job="redswarm"}', values: '5x30' }
      - { series: 'redswarm_swept_timestamp_seconds{job="redswarm"}', values: '${swept}' }
    promql_expr_test:
      - expr: sum by (job) (ALERTS{alertname="RedswarmSweepsOverdue",alertstate="firing"})
        eval_time: 20m
        exp_samples: ${fires ? `[{ labels: '{job="redswarm"}', value: 1 }]` : '[]'}`
    const cases = [caseOf('0+60x30', false), caseOf('0x30', true), caseOf('_x30', true)]
    await writeFile(join(folder, 'test.yml'), `rule_files: [${rules}]\ntests:${cases.join('')}\n`)
    const arguments_ = ['test', 'rules', join(folder, 'test.yml')]
    const { error, status, stdout, stderr } = spawnSync('promtool', arguments_, { encoding: 'utf8' })
    await remove()
    if (error) return skip('promtool is not installed (Debian: prometheus)')
    expect([status, stdout + stderr]).toEqual([0, expect.stringContaining('SUCCESS')])
  })
})
