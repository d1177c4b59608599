import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'

/** Stacks from the outermost function to the innermost, with `;` between, and how many samples each has. */
export type FoldedStacks = Map<string, number>

/** A recording of perf under way: `stop` ends it (again: nothing), `read` answers its stacks, or why there are none. */
export type PerfRecording = { stop: () => Promise<void>; read: () => Promise<FoldedStacks | string> }

/** Below a multiple of 1000, so that samples do not fall into step with a timer. */
const SAMPLES_PER_S_MAX = 499
/** Each takes `STACK_BYTES` of the temporary folder: 120 MB in all. */
const SAMPLES_MAX = 15_000
/** Longest that perf may take to begin; what is recorded begins later then. */
const START_MS_MAX = 5000
const END_MS_MAX = 20_000

/** How many samples a second a recording of so many seconds takes. */
export const samplesPerS = (seconds: number): number =>
  Math.min(SAMPLES_PER_S_MAX, Math.floor(SAMPLES_MAX / seconds) - 1)

/**
 * Records what the main thread of a process does, from when this answers on. Stacks are unwound by the frames' own tables
 * (dwarf): a Redis as packaged keeps no frame pointers. `file` is where perf keeps its samples; the caller removes it.
 */
export async function startPerf(pid: number, file: string, frequency = SAMPLES_PER_S_MAX): Promise<PerfRecording> {
  const options = ['--call-graph', `dwarf,${STACK_BYTES}`, '-F', String(frequency), '-t', String(pid)]
  // It begins once it is told to, and says so.
  const control = ['--delay', '-1', '--control', 'fd:3,4']
  const child = spawn('perf', ['record', ...options, ...control, '-o', file], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
  })
  const lastLine = lastLineOf(child)
  let end: string | undefined
  const gone = ended(child).then((how) => {
    end = how
  })
  const begun = Promise.withResolvers<void>()
  const [, , , orders, answers] = child.stdio
  for (const pipe of [orders, answers]) pipe?.on('error', () => {}) // its end says so too
  answers?.once('data', () => begun.resolve())
  ;(orders as Writable).write('enable\n')
  await Promise.race([begun.promise, gone, sleep(START_MS_MAX, undefined, { ref: false })])
  let problem = ''
  return {
    async stop() {
      // It records until it is asked to end: one that is gone by now never did.
      if (end !== undefined) problem ||= `${end} ${lastLine()}`.trim()
      if (end !== undefined || problem !== '') return
      child.kill('SIGINT')
      const timer = setTimeout(() => child.kill('SIGKILL'), END_MS_MAX)
      await gone
      clearTimeout(timer)
      problem = ENDED_WELL
    },
    read: async () => (problem === ENDED_WELL ? readPerf(file) : problem),
  }
}

const ENDED_WELL = 'ended as asked'

/** What perf copies of the stack at each sample: a script's calls in Redis need 4 to 6 kB. */
const STACK_BYTES = 8192

async function ended(child: ChildProcess): Promise<string> {
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
    return `perf ended by ${signal ?? `exit code ${code}`}`
  } catch {
    return 'cannot run perf: it is not there'
  }
}

function lastLineOf(child: ChildProcess): () => string {
  let text = ''
  child.stderr?.setEncoding('utf8').on('data', (part: string) => {
    text = (text + part).slice(-2000)
  })
  return () => text.trim().split('\n').at(-1) ?? ''
}

async function readPerf(file: string): Promise<FoldedStacks | string> {
  const child = spawn('perf', ['script', '--no-inline', '-F', 'ip,sym', '-i', file], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const gone = ended(child)
  const stacks = await foldStacks(createInterface({ input: child.stdout }))
  const end = await gone
  return stacks.size > 0 ? stacks : `perf recorded no samples (${end})`
}

/** Folds the lines of `perf script -F ip,sym`: a sample is lines of address and function, the innermost first, then none. */
export async function foldStacks(lines: AsyncIterable<string> | Iterable<string>): Promise<FoldedStacks> {
  const stacks: FoldedStacks = new Map()
  let frames: string[] = []
  const finish = () => {
    if (frames.length === 0) return
    const stack = frames.reverse().join(';')
    stacks.set(stack, (stacks.get(stack) ?? 0) + 1)
    frames = []
  }
  for await (const line of lines) {
    if (line.trim() === '') {
      finish()
      continue
    }
    const [, name] = /^\s*[0-9a-f]+\s+(.+?)\s*$/.exec(line) ?? []
    if (name === undefined) throw new Error(`perf script has a line that is no frame: ${line.slice(0, 100)}`)
    // A function of a library that has no name there, over and over, is one step.
    const frame = name.replaceAll(';', ':')
    if (frame !== '[unknown]' || frames.at(-1) !== frame) frames.push(frame)
  }
  finish()
  return stacks
}

/** The share of the samples that have one of these functions in their stack. */
export function shareOf(stacks: FoldedStacks, functions: RegExp): number {
  let [found, all] = [0, 0]
  for (const [stack, samples] of stacks) {
    all += samples
    if (stack.split(';').some((frame) => functions.test(frame))) found += samples
  }
  return all === 0 ? 0 : found / all
}

/** Folded stacks as text, the most frequent first: what flamegraph programs read. */
export const foldedText = (stacks: FoldedStacks): string =>
  [...stacks]
    .sort(([, a], [, b]) => b - a)
    .map(([stack, samples]) => `${stack} ${samples}\n`)
    .join('')
