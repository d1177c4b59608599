import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findRedis } from '../../services/cli/setup.mjs'
import { until } from './redis.ts'

/** The program as its users run it, a process of its own. */
export type Program = {
  process: ChildProcess
  dataDir: string
  /** What it wrote so far. */
  stdout: () => string
  stderr: () => string
  /** Waits until it serves; answers the log line that says so, with where it listens. */
  serving: () => Promise<{ udp: { port: number }[]; http: { port: number }[]; api: { port: number }[] }>
  /** Sends a signal and waits for the end; answers the exit code. */
  end: (signal?: NodeJS.Signals) => Promise<number | null>
  /** Waits for the end. */
  ended: () => Promise<number | null>
}

/** Runs `redswarm` with these arguments on free ports, in a data folder of its own unless one is given. */
export async function withProgram<T>(
  args: string[],
  env: Record<string, string>,
  test: (program: Program) => Promise<T>,
): Promise<T> {
  const ownDir = await mkdtemp(join(tmpdir(), 'redswarm-test-'))
  const dataDir = env.REDSWARM_DATA_DIR ?? ownDir
  const child = spawn(process.execPath, ['services/main.ts', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      REDSWARM_UDP_LISTEN: '127.0.0.1:0',
      REDSWARM_HTTP_LISTEN: '127.0.0.1:0',
      REDSWARM_API_LISTEN: '127.0.0.1:0',
      REDSWARM_HEALTH_LISTEN: '127.0.0.1:0',
      REDSWARM_METRICS_LISTEN: '127.0.0.1:0',
      REDSWARM_DATA_DIR: dataDir,
      REDSWARM_REDIS_SERVER: (await findRedis({ install: false }))?.path ?? '',
      ...env,
    },
  })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const gone = once(child, 'close').then(([code]) => code as number | null)
  const servingLine = () => stdout.split('\n').find((line) => line.includes('"msg":"serving"'))
  const program: Program = {
    process: child,
    dataDir,
    stdout: () => stdout,
    stderr: () => stderr,
    async serving() {
      await until('the tracker to serve', () => servingLine() !== undefined || child.exitCode !== null, 15_000)
      const line = servingLine()
      if (line === undefined) throw new Error(`it does not serve: ${stderr}`)
      return JSON.parse(line)
    },
    end(signal = 'SIGTERM') {
      child.kill(signal)
      return gone
    },
    ended: () => gone,
  }
  try {
    return await test(program)
  } finally {
    if (child.exitCode === null && child.signalCode === null) await program.end('SIGTERM')
    await rm(ownDir, { recursive: true, force: true })
  }
}
