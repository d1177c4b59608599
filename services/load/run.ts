import { styleText } from 'node:util'
import { messageOf, OperatorError } from '../../lib/errors.ts'
import { cpuSecondsOf } from '../../lib/observe/cpu.ts'
import { shown } from '../../lib/observe/table.ts'
import { onStopSignals } from '../../lib/signals.ts'
import { cpuSecondsOfAll } from './cpu.ts'
import { makeLatencies } from './histogram.ts'
import { type LiveLine, makeLiveLine } from './live.ts'
import { SILENT_MS_MAX } from './loader.ts'
import type { FromWorker, PhaseResult } from './messages.ts'
import { type LoadOptions, type RawLoadOptions, readOptions } from './options.ts'
import { exitCodeOf, type LoadReport, type Paint, reportOf, reportText } from './report.ts'
import { addTally, makeTally, responsesOf, type Tally } from './tally.ts'
import { type Protocol, readTarget, type Target } from './target.ts'
import { forkWorkers, type Workers } from './workers.ts'

/** How the command ends where it did not come to a report. */
const EXIT = { noAnswer: 1, usage: 2 } as const

/** Peers that a fill may leave out, of all: with more, other swarms would be measured than were asked for. */
const MISSING_SHARE_MAX = 0.05

/** Runs `redswarm load`; answers its exit code. */
export async function runLoad(
  protocol: Protocol,
  url: string,
  raw: RawLoadOptions & { remote?: boolean },
): Promise<number> {
  let target: Target
  let options: LoadOptions
  try {
    target = await readTarget(protocol, url, raw.remote ?? false)
    options = readOptions(raw, target)
    checkPids(options.pids)
  } catch (error) {
    return tellProblem(error, EXIT.usage)
  }
  const live = makeLiveLine(process.stderr)
  try {
    const report = await loadWith(options, target, live)
    live.end()
    process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : reportText(report, options, paint))
    if (report.fellSilent) process.stderr.write(`redswarm load: ${silence(report)}\n`)
    return exitCodeOf(report)
  } catch (error) {
    live.end()
    return tellProblem(error, EXIT.noAnswer)
  }
}

function tellProblem(error: unknown, exitCode: number): number {
  const text = error instanceof OperatorError ? error.message : ((error as Error).stack ?? messageOf(error))
  process.stderr.write(`redswarm load: ${text}\n`)
  return exitCode
}

const silence = ({ url, responses }: Pick<LoadReport, 'url' | 'responses'>): string =>
  `${url} ${responses === 0 ? 'does not answer' : 'stopped answering'}: nothing came for ${SILENT_MS_MAX / 1000} s; look at its log`

const paint: Paint = (style, text) => styleText(style, text, { stream: process.stdout })

function checkPids(pids: Record<string, number>): void {
  for (const [name, pid] of Object.entries(pids)) {
    if (cpuSecondsOf(pid) === undefined)
      throw new OperatorError(`--pid: "${name}=${pid}" was given, and /proc has no process ${pid}`)
  }
}

async function loadWith(options: LoadOptions, target: Target, live: LiveLine): Promise<LoadReport> {
  const view = makeView(options, live)
  const workers = forkWorkers(options.processes, process.stderr.isTTY ? view.show : undefined)
  const interruption = onInterrupt(workers)
  try {
    live.show('connecting')
    await workers.open(options, target)
    view.begin('filling')
    const fill = options.fill ? fillOf(target, options, await workers.fill(), !interruption.came()) : null
    view.begin('warming up')
    if (options.warmUp > 0 && !interruption.came()) checkAnswers(target, await workers.warmUp())
    view.begin('loading')
    if (options.json) process.stderr.write('loading\n')
    const cpuBefore = cpuSecondsOfAll(options.pids)
    const results = interruption.came() ? [] : await workers.load()
    const cpuAfter = cpuSecondsOfAll(options.pids)
    if (options.json) process.stderr.write('loaded\n')
    return reportOf({ url: target.url, ...merged(results), cpuBefore, cpuAfter, fill })
  } finally {
    interruption.end()
    await workers.end()
  }
}

/** Throws an OperatorError where the tracker fell silent. */
function checkAnswers({ url }: Target, results: readonly PhaseResult[]): void {
  const { tally, fellSilent } = merged(results)
  if (fellSilent) throw new OperatorError(silence({ url, responses: responsesOf(tally) }))
}

type Filled = NonNullable<LoadReport['fill']>

/** What the fill came to; an OperatorError where too many peers are missing after it. */
function fillOf(target: Target, { peers }: LoadOptions, results: readonly PhaseResult[], isWhole: boolean): Filled {
  checkAnswers(target, results)
  const { tally, seconds } = merged(results)
  const { announces, errors, lost, wrong } = tally
  // A wrong answer is one: the peer was heard.
  const missing = Math.max(0, peers - announces - wrong)
  if (isWhole && missing > peers * MISSING_SHARE_MAX) {
    const [text] = Object.keys(tally.errorTexts)
    const why = text === undefined ? 'no answer came' : `the answer was "${text}"`
    throw new OperatorError(
      `${target.url}: ${shown(missing)} of ${shown(peers)} peers could not be announced before the load: ${why}\n` +
        '  what it would measure is another load than asked for; --no-fill takes the tracker as it is',
    )
  }
  return { announces, missing, seconds, errors, lost }
}

function merged(results: readonly PhaseResult[]) {
  const tally = makeTally()
  const latencies = makeLatencies()
  for (const result of results) {
    addTally(tally, result.tally)
    latencies.add(result.latencies)
  }
  return {
    tally,
    seconds: Math.max(0, ...results.map((result) => result.seconds)),
    fellSilent: results.some((result) => result.fellSilent),
    loadCpuUs: results.reduce((sum, { cpuUs }) => sum + cpuUs, 0),
    latencyMs: latencies.percentiles(),
  }
}

/** Ends the load early on a signal, so that what was seen is still told; one more ends at once. */
function onInterrupt(workers: Workers): { came: () => boolean; end: () => void } {
  let hasCome = false
  const first = (): void => {
    hasCome = true
    workers.stop()
  }
  const end = onStopSignals(first, () => process.exit(1))
  return { came: () => hasCome, end }
}

type Progress = Extract<FromWorker, { type: 'progress' }>

/** What the live line says: the phase, and how it goes. */
function makeView({ peers, seconds }: LoadOptions, live: LiveLine) {
  let phase: 'filling' | 'warming up' | 'loading' = 'filling'
  let startMs = performance.now()
  let before = 0
  let beforeMs = startMs
  return {
    begin(next: typeof phase): void {
      phase = next
      startMs = performance.now()
      beforeMs = startMs
      before = 0
    },
    show(all: readonly Progress[]): void {
      const nowMs = performance.now()
      // With several processes it is told of each: once a second is enough.
      if (nowMs - beforeMs < 900) return
      const tally = makeTally()
      const latencies = makeLatencies()
      for (const each of all) {
        addTally(tally, each.tally)
        latencies.add(each.latencies)
      }
      const perS = ((responsesOf(tally) - before) / (nowMs - beforeMs)) * 1000
      before = responsesOf(tally)
      beforeMs = nowMs
      const progress = {
        filling: ` ${shown(tally.announces)} of ${shown(peers)} peers`,
        'warming up': '',
        loading: ` ${Math.round((nowMs - startMs) / 1000)} of ${seconds} s`,
      }
      live.show(
        `${phase}${progress[phase]}  ${shown(perS)} responses/s  p99 ${latencies.percentiles().p99.toFixed(1)} ms  ${badOf(tally)}`,
      )
    },
  }
}

const badOf = ({ errors, lost, wrong }: Tally): string =>
  `${shown(errors)} errors, ${shown(lost)} lost, ${shown(wrong)} wrong`
