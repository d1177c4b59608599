// Fuzzes one target in a thread of its own: one that hangs or eats memory can be ended from outside.
import { setTimeout } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { parentPort, workerData } from 'node:worker_threads'
import { readCorpus } from './corpus.ts'
import { type Reached, startCoverage } from './coverage.ts'
import { fuzz, type Outcome } from './loop.ts'
import type { Target } from './target.ts'

/** What a thread is told. */
export type Job = {
  name: string
  seed: number
  msMax: number
  executionsMax: number
  /** The number of inputs so far, the length of the one that is being run, then its bytes. */
  current: SharedArrayBuffer
}
/** What it answers. */
export type Result = Outcome & { seconds: number; reached: Reached }

/** What a target may have in use after it, beyond what it had before. */
const GROWN_BYTES_MAX = 32 * 2 ** 20
const SWEEP_MS = 100

const job = workerData as Job
const coverage = startCoverage()
// Imported only now: functions that were compiled before coverage began are not told of.
const { targets } = (await import('./targets/all.ts')) as { targets: readonly Target[] }
const target = targets.find(({ name }) => name === job.name) as Target
coverage.begin()

const numbers = new Int32Array(job.current, 0, 2)
const bytes = new Uint8Array(job.current, 8)
const onInput = (input: Buffer): void => {
  numbers[1] = input.length
  bytes.set(input)
  numbers[0] = (numbers[0] ?? 0) + 1
}

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void
const usedBytes = async (): Promise<number> => {
  collectGarbage()
  // The memory of buffers is given back beside the program, a little after they were collected.
  await setTimeout(SWEEP_MS)
  collectGarbage()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

const beforeBytes = await usedBytes()
const startMs = performance.now()
const known = [...target.seeds, ...readCorpus(target.name)]
const outcome = await fuzz({ target, known, coverage, onInput, ...job })
const seconds = (performance.now() - startMs) / 1000
const grownBytes = (await usedBytes()) - beforeBytes
if (grownBytes > GROWN_BYTES_MAX) {
  outcome.finding ??= { input: Buffer.alloc(0), problem: `keeps ${Math.round(grownBytes / 2 ** 20)} MiB of memory` }
}
parentPort?.postMessage({ ...outcome, seconds, reached: coverage.known } satisfies Result)
