// Coverage-guided fuzzing of the codecs: `npm run fuzz -- --help`.
import { availableParallelism } from 'node:os'
import { parseArgs, styleText } from 'node:util'
import { Worker } from 'node:worker_threads'
import { writeCorpus } from './corpus.ts'
import { merge, type Reached, summarize } from './coverage.ts'
import { problemOf } from './loop.ts'
import type { Target } from './target.ts'
import { targets } from './targets/all.ts'
import type { Job, Result } from './worker.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '60' },
    executions: { type: 'string' },
    seed: { type: 'string' },
    input: { type: 'string' },
    keep: { type: 'boolean', default: false },
    missed: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  console.log(`npm run fuzz -- [--seconds N] [--executions N] [--seed N] [--keep] [--missed] [target…]
npm run fuzz -- TARGET --input HEX

Makes inputs that reach ever more blocks of the code that reads what strangers send, and checks a property of each.
Two targets at a time, --seconds for all together. Exit code 1 where a property is broken, with the input to try again.

  --executions N  so many inputs for each target: with --seed, the same ones each time
  --keep          writes the inputs that reach every block that is known into test/fuzz/corpus
  --missed        names the lines that no input reached

  npm run fuzz -- --seconds 600
  npm run fuzz -- --seconds 30 udp-request http-announce
  npm run fuzz -- udp-request --input 0000041727101980

Targets:
${targets.map(({ name, holds }) => `  ${name.padEnd(16)}${holds}`).join('\n')}`)
  process.exit(0)
}

/** No new input for so long: the one being run hangs. */
const HANG_MS = 10_000
const HEAP_MIB_MAX = 512

const chosen = positionals.map((name) => {
  const target = targets.find((each) => each.name === name)
  if (!target) throw new Error(`no such target: ${name} (npm run fuzz -- --help)`)
  return target
})
const asked = chosen.length > 0 ? chosen : targets

if (values.input !== undefined) {
  const problem = await problemOf(asked[0] as Target, Buffer.from(values.input, 'hex'))
  console.log(problem ?? 'the property holds')
  process.exit(problem === undefined ? 0 : 1)
}

const atOnce = Math.min(availableParallelism(), asked.length)
const executionsMax = Number(values.executions ?? Number.POSITIVE_INFINITY)
const msMax = values.executions ? Number.POSITIVE_INFINITY : (Number(values.seconds) * 1000 * atOnce) / asked.length
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 32))

/** Runs a target in a thread; one that hangs or dies is a finding like any other. */
async function fuzzInThread({ name, inputBytesMax }: Target): Promise<Result> {
  const current = new SharedArrayBuffer(8 + inputBytesMax)
  const numbers = new Int32Array(current, 0, 2)
  const worker = new Worker(new URL('worker.ts', import.meta.url), {
    workerData: { name, seed, msMax, executionsMax, current } satisfies Job,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB_MAX },
  })
  const { promise, resolve } = Promise.withResolvers<Result>()
  const end = (problem: string): void => {
    const input = Buffer.from(Buffer.from(current, 8, numbers[1]))
    resolve({ executions: numbers[0] ?? 0, kept: [], finding: { input, problem }, seconds: 0, reached: new Map() })
  }
  let before = -1
  const watch = setInterval(() => {
    if (numbers[0] === before) end(`no end after ${HANG_MS / 1000} s`)
    before = numbers[0] ?? 0
  }, HANG_MS)
  worker.on('message', resolve)
  worker.on('error', (error) => end(error.stack ?? error.message))
  const result = await promise
  clearInterval(watch)
  await worker.terminate()
  return result
}

function tell(target: Target, { executions, seconds, kept, finding }: Result): void {
  const speed = seconds > 0 ? `${(executions / seconds / 1000).toFixed(1)}k/s` : ''
  const mark = finding ? styleText('red', 'broken') : styleText('green', 'holds')
  const count = executions.toLocaleString('en').padStart(13)
  console.log(
    `${target.name.padEnd(16)}${count} inputs ${speed.padStart(8)} ${String(kept.length).padStart(4)} kept  ${mark}`,
  )
  if (!finding) return
  const hex = Buffer.from(finding.input).toString('hex')
  console.log(`  ${target.holds}: not so\n  ${finding.problem.replaceAll('\n', '\n  ')}`)
  console.log(`  again: npm run fuzz -- ${target.name} --input ${hex || "''"}   (seed ${seed})`)
}

const waiting = [...asked]
const results: { target: Target; result: Result }[] = []
const runSome = async (): Promise<void> => {
  for (let target = waiting.shift(); target; target = waiting.shift()) {
    const result = await fuzzInThread(target)
    results.push({ target, result })
    tell(target, result)
    if (values.keep && !result.finding)
      writeCorpus(
        target,
        result.kept.map((input) => Buffer.from(input)),
      )
  }
}
await Promise.all(Array.from({ length: atOnce }, runSome))

const reached: Reached = new Map()
for (const { result } of results) merge(reached, result.reached)
console.log('\nReached, of the text of the functions:')
for (const { file, share, missedLines } of summarize(reached)) {
  const missed = missedLines.length > 0 ? `  not: ${missedLines.map((line) => `line ${line}`).join(', ')}` : ''
  console.log(`  ${file.padEnd(32)}${(share * 100).toFixed(1).padStart(6)} %${values.missed ? missed : ''}`)
}
const executions = results.reduce((sum, { result }) => sum + result.executions, 0)
const broken = results.filter(({ result }) => result.finding).length
console.log(
  `${executions.toLocaleString('en')} inputs; ${results.length - broken} of ${results.length} targets hold (seed ${seed})`,
)
process.exitCode = broken > 0 ? 1 : 0
