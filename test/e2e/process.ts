import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { watch } from './guard.ts'

/** What of a child's output is kept, and what of that an error shows: its last words say why it did not do its work. */
const KEPT_CHARS_MAX = 50_000
const SHOWN_CHARS_MAX = 2_000

/** A program that runs until it is stopped, or until this process ends. */
export interface Child extends AsyncDisposable {
  /** The last of what it printed, a line that it repeats only once. */
  output(): string
  exited(): boolean
  /** Sends the stop signal, then SIGKILL where that is not heeded in time; tells the exit code, null if a signal ended it. */
  stop(): Promise<number | null>
}

export interface Program {
  readonly command: string
  readonly args: readonly string[]
  /** The whole environment: a proxy or a setting of the caller's must not reach the program by accident. */
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
  readonly stopSignal: 'SIGTERM' | 'SIGINT'
  readonly stopMsMax: number
}

export function startChild({ command, args, env, cwd, stopSignal, stopMsMax }: Program): Child {
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  if (child.pid !== undefined) child.on('exit', watch({ pid: child.pid, stopSignal }))
  let kept = ''
  const keep = (text: string) => {
    kept = (kept + text).slice(-KEPT_CHARS_MAX)
  }
  child.stdout.on('data', (chunk: Buffer) => keep(chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => keep(chunk.toString()))
  child.on('error', (error) => keep(`${error.message}\n`))
  const exited = () => child.pid === undefined || child.exitCode !== null || child.signalCode !== null

  async function stop(): Promise<number | null> {
    if (exited()) return child.exitCode
    const gone = once(child, 'exit')
    child.kill(stopSignal)
    const hurry = setTimeout(() => child.kill('SIGKILL'), stopMsMax)
    await gone
    clearTimeout(hurry)
    return child.exitCode
  }

  const output = () => [...new Set(kept.split(/[\r\n]+/))].join('\n').slice(-SHOWN_CHARS_MAX)
  return { output, exited, stop, [Symbol.asyncDispose]: async () => void (await stop()) }
}
