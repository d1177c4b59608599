import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { until } from '../support/redis.ts'

const CHECK = join(import.meta.dirname, '../bench/check.ts')

type Running = { pid: number; command: string }

const read = (file: string): string => {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return '' // it has just ended
  }
}

/** The processes that a process has started, and those that these have. */
function descendantsOf(pid: number): Running[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  const parents = new Map(
    pids.map((each) => [Number(each), Number(read(`/proc/${each}/stat`).split(') ').at(-1)?.split(' ')[1])]),
  )
  const below = (parent: number): number[] =>
    [...parents].filter(([, of]) => of === parent).flatMap(([child]) => [child, ...below(child)])
  return below(pid).map((child) => ({ pid: child, command: read(`/proc/${child}/cmdline`).replaceAll('\0', ' ') }))
}

describe.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('a benchmark that gets %s', (signal) => {
  it('leaves no process and no folder behind; it had not heard of the settings of its caller', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'redswarm-test-'))
    const [home, temporary] = [await mkdtemp(join(folder, 'home-')), await mkdtemp(join(folder, 't-'))]
    await writeFile(join(home, '.env'), 'REDSWARM_NUMWANT_MAX=none\n')
    const env = { ...process.env, REDSWARM_NO_SUCH_SETTING: '1', TMPDIR: temporary }
    const bench = spawn(process.execPath, [CHECK], { cwd: home, env, stdio: ['ignore', 'ignore', 'pipe'] })
    let stderr = ''
    bench.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    const gone = once(bench, 'exit')
    try {
      const pid = bench.pid as number
      const isLoaded = () => descendantsOf(pid).some(({ command }) => command.includes('main.ts load udp'))
      await until('the load of a tracker that serves', () => isLoaded() || bench.exitCode !== null, 60_000)
      expect(stderr).toBe('')
      const started = descendantsOf(pid)
      for (const program of ['redis-server', 'main.ts udp'])
        expect(started.some(({ command }) => command.includes(program))).toBe(true)
      expect(await readdir(temporary)).not.toEqual([])
      bench.kill(signal)
      expect((await gone)[0]).toBe({ SIGHUP: 129, SIGINT: 130, SIGTERM: 143 }[signal])
      await until('its processes to end', () => started.every((each) => !existsSync(`/proc/${each.pid}`)))
      expect(await readdir(temporary)).toEqual([])
    } finally {
      bench.kill('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    }
  })
})
