import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Role } from '../../services/roles.ts'
import { killAtExit } from '../support/at-exit.ts'

/** A process of the tracker, as an operator's supervisor runs it: it can be ended and started again. */
export type Part = {
  role: Role
  pid: () => number
  isRunning: () => boolean
  signal: (signal: NodeJS.Signals) => void
  /** kill -9; resolves when it is gone. */
  kill: () => Promise<void>
  /** SIGTERM; resolves with the exit code when it is gone. */
  end: () => Promise<number | null>
  /** Starts it, and waits until it serves; answers when it does. */
  start: () => Promise<number>
  residentBytes: () => number
}

const MAIN = join(import.meta.dirname, '../../services/main.ts')
const PAGE_BYTES = 4096
const SERVES_MS_MAX = 30_000
/** As a supervisor waits before it starts anew what has ended. */
const AGAIN_MS = 200
/** Enough to say why it did not start. */
const STDERR_CHARS_MAX = 4000

/** Makes a process of a role that is not started yet; `env` is all that it knows, `main` the program, this one unless it is given. */
export function makePart(role: Role, args: readonly string[], env: Record<string, string>, main = MAIN): Part {
  let child: ChildProcess | undefined
  let [stdout, stderr] = ['', '']
  const run = (): ChildProcess => {
    ;[stdout, stderr] = ['', '']
    const started = spawn(process.execPath, [main, role, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    killAtExit(started)
    started.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (!stdout.includes('"msg":"serving"')) stdout += text
    })
    started.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-STDERR_CHARS_MAX)
    })
    return started
  }
  const isRunning = () => child?.exitCode === null && child.signalCode === null
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (!child || !isRunning()) return child?.exitCode ?? null
    const gone = once(child, 'exit') as Promise<[number | null]>
    child.kill(signal)
    return (await gone)[0]
  }
  return {
    role,
    pid: () => child?.pid ?? 0,
    isRunning,
    signal: (signal) => void child?.kill(signal),
    kill: async () => void (await end('SIGKILL')),
    end: () => end('SIGTERM'),
    async start() {
      const deadlineMs = performance.now() + SERVES_MS_MAX
      child = run()
      while (!stdout.includes('"msg":"serving"')) {
        if (performance.now() > deadlineMs) throw new Error(`${role} does not serve: ${stdout}${stderr}`)
        await sleep(5)
        if (isRunning()) continue
        await sleep(AGAIN_MS)
        child = run()
      }
      return performance.now()
    },
    residentBytes: () => Number(readFileSync(`/proc/${child?.pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES,
  }
}
