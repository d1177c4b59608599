import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { OperatorError } from '../../lib/errors.ts'
import type { FromWorker, PhaseResult, ToWorker } from './messages.ts'
import type { LoadOptions } from './options.ts'
import type { Target } from './target.ts'

/** The processes that make a load, together. */
export type Workers = {
  open: (options: LoadOptions, target: Target) => Promise<void>
  fill: () => Promise<PhaseResult[]>
  /** Loads, and forgets it: what begins cold, here and at the tracker, would be told as its latency. */
  warmUp: () => Promise<PhaseResult[]>
  load: () => Promise<PhaseResult[]>
  /** Has what runs end early. */
  stop: () => void
  end: () => Promise<void>
}

type Progress = Extract<FromWorker, { type: 'progress' }>

/**
 * What a worker is slow by would be told as the tracker's latency. V8's own choice is to collect young objects 16 MB at a
 * time by several threads, which on the cores that the tracker and Redis use as well took 12 to 31 ms each; so, under 1.
 */
const SHORT_PAUSES = ['--single-threaded-gc', '--max-semi-space-size=2']

/** How long a worker may take to close its sockets. */
const END_MS_MAX = 2000

/** Forks the processes; `onProgress` gets what each saw so far in the phase that runs, once a second. */
export function forkWorkers(count: number, onProgress: ((all: readonly Progress[]) => void) | undefined): Workers {
  const progress = new Map<number, Progress>()
  const waiting = new Map<number, { resolve: (message: FromWorker) => void; reject: (error: Error) => void }>()
  let isEnding = false
  const children = Array.from({ length: count }, (_, index) => {
    const child = fork(new URL('./worker.ts', import.meta.url), {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      execArgv: [...process.execArgv, ...SHORT_PAUSES],
    })
    child.on('message', (message: FromWorker) => {
      if (message.type === 'progress') {
        progress.set(index, message)
        if (progress.size === count) onProgress?.([...progress.values()])
      } else if (message.type === 'failed') {
        const error = message.isOperators ? new OperatorError(message.reason) : new Error(message.reason)
        waiting.get(index)?.reject(error)
      } else {
        waiting.get(index)?.resolve(message)
      }
    })
    child.on('exit', (code, signal) => {
      if (!isEnding) waiting.get(index)?.reject(new Error(`a load process ended by ${signal ?? `exit code ${code}`}`))
    })
    return child
  })

  const ask = async (messageOf: (index: number) => ToWorker): Promise<FromWorker[]> => {
    progress.clear()
    const answers = children.map((child, index) => {
      const { promise, resolve, reject } = Promise.withResolvers<FromWorker>()
      waiting.set(index, { resolve, reject })
      child.send(messageOf(index), (error) => error && reject(error))
      return promise
    })
    return Promise.all(answers)
  }
  const results = async (type: 'fill' | 'warm-up' | 'load'): Promise<PhaseResult[]> =>
    (await ask(() => ({ type }))).filter((answer) => answer.type === 'done')

  return {
    async open(options, target) {
      const isLive = onProgress !== undefined
      await ask((index) => ({ type: 'open', options, target, share: { index, of: count }, isLive }))
    },
    fill: () => results('fill'),
    warmUp: () => results('warm-up'),
    load: () => results('load'),
    stop() {
      for (const child of children) if (child.connected) child.send({ type: 'stop' } satisfies ToWorker)
    },
    async end() {
      isEnding = true
      await Promise.all(children.map(endChild))
    },
  }
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  const late = setTimeout(() => child.kill('SIGKILL'), END_MS_MAX)
  if (child.connected) child.send({ type: 'end' } satisfies ToWorker, () => {})
  await gone
  clearTimeout(late)
}
