import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { skipWithout } from '../e2e/skip.ts'
import { temporaryFolder } from '../support/at-exit.ts'
import { missingNginx } from '../support/balancer.ts'

const BENCH = join(import.meta.dirname, '../bench')

/** Runs a benchmark to its end; answers the object that it prints. */
async function run(name: string, args: string[]) {
  const { stdout } = await promisify(execFile)(process.execPath, [join(BENCH, `${name}.ts`), ...args, '--json'])
  return JSON.parse(stdout)
}

describe('bench:frontend', () => {
  const SMALL = ['--rounds', '1', '--seconds', '1', '--torrents', '200', '--peers', '400', '--starts', '2']

  it('tells of HTTP, of processes on one port and of starts', async () => {
    const { http, processes, start } = await run('frontend', [
      ...SMALL,
      ...['--only', 'http,processes,start', '--processes', '1,2'],
    ])
    expect(http.emptyUs).toBeGreaterThan(0)
    expect(http.frontendToEmpty).toBeCloseTo(http.frontendUs / http.emptyUs)
    expect(processes).toMatchObject([{ processes: 1, toFirst: 1, most: 1 }, { processes: 2 }])
    expect(processes[1].least + processes[1].most).toBeCloseTo(1)
    expect(start.starts).toHaveLength(2)
    expect(start.worstMs).toBe(Math.max(...start.starts))
  })

  it('tells how a frontend bears more than it can do', async () => {
    const { overload } = await run('frontend', [...SMALL, '--only', 'overload'])
    const { closedPerS, half, twice } = overload
    expect(half.answeredPerS).toBeGreaterThan(0.3 * closedPerS)
    expect(twice.sentPerS).toBeGreaterThan(0.5 * closedPerS)
    expect(twice.answeredPerS).toBeGreaterThan(0)
    expect(twice.residentAfter).toBeGreaterThan(0)
  })
})

it('bench:balancer tells what nginx loses of each event, and what it costs', async (ctx) => {
  skipWithout(ctx, missingNginx())
  const small = ['--protocols', 'udp', '--rate', '200', '--away', '1', '--rounds', '1', '--seconds', '1']
  const { losses, costs } = await run('balancer', small)
  expect(losses).toHaveLength(3)
  for (const { before, during, after } of losses) {
    expect(before.lost + after.lost).toBeLessThan(0.2 * (before.asked + after.asked))
    expect(during.lost).toBeLessThan(during.asked)
  }
  expect(costs).toMatchObject([{ way: 'without nginx', nginx: 0 }, { way: 'nginx' }])
  expect(costs[1].nginx).toBeGreaterThan(0)
})

describe('bench:sweep', () => {
  const SMALL = ['--peers', '2000', '--torrents', '1000', '--every', '1000']

  it('has all peers removed by the sweeps of a lifetime', async () => {
    const { sweeps, peersRemoved, swarmsVisited, shareOfRedis, scripts } = await run('sweep', SMALL)
    expect({ sweeps, peersRemoved }).toEqual({ sweeps: 5, peersRemoved: 2000 })
    expect(swarmsVisited).toBeGreaterThan(100)
    expect(scripts).toBeGreaterThanOrEqual(sweeps * 4096)
    expect(shareOfRedis).toBeGreaterThan(0)
  })

  it('has all removed at once', async () => {
    expect(await run('sweep', [...SMALL, '--at-once'])).toMatchObject({ sweeps: 1, peersRemoved: 2000 })
  })
})

it('bench:stages tells what each stage takes of a response, in profiles side by side', async () => {
  const { path: folder } = await temporaryFolder('stages')
  const profiles: [name: string, us: number, rows: Record<string, number>][] = [
    ['old', 10, { idle: 500, send: 60, batch: 40 }],
    ['new', 5, { send: 90, 'sleep and wake': 10 }],
  ]
  for (const [name, mainThread, samples] of profiles) {
    const rows = Object.entries(samples).map(([stage, count]) => ({ stage, samples: count }))
    await mkdir(join(folder, name))
    const summary = { cpuUsPerResponse: { mainThread }, stages: { rows, busy: 100 } }
    await writeFile(join(folder, name, 'summary.json'), JSON.stringify(summary))
  }
  const args = profiles.map(([name]) => `${name}=${join(folder, name)}`)
  const { stdout } = await promisify(execFile)(process.execPath, [join(BENCH, 'stages.ts'), ...args])
  const cells = stdout
    .trim()
    .split('\n')
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
  expect(cells.filter((_, i) => i !== 1)).toEqual([
    ['stage', 'old', 'new'],
    ['send', '6.00', '4.50'],
    ['batch', '4.00', '0.00'],
    ['sleep and wake', '0.00', '0.50'],
    ['all other', '0.00', '0.00'],
    ['all', '10.0', '5.00'],
  ])
})
