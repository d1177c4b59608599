// One process of a load: does what the command that forked it says, and tells what it saw.
import { OperatorError } from '../../lib/errors.ts'
import { makeLatencies } from './histogram.ts'
import { makeHttpLoader } from './http.ts'
import { type Loader, SILENT_MS_MAX } from './loader.ts'
import type { FromWorker, ToWorker } from './messages.ts'
import type { LoadOptions } from './options.ts'
import { makePlan } from './plan.ts'
import { makeTally, responsesOf } from './tally.ts'
import { makeUdpLoader } from './udp.ts'

const PROGRESS_EVERY_MS = 1000
const SILENCE_EVERY_MS = 250

const tally = makeTally()
const latencies = makeLatencies()
let loader: Loader
let options: LoadOptions
let processes = 1
let isLive = false

const tell = (message: FromWorker): void => {
  // Whoever asked may be gone by the time of the answer.
  process.send?.(message, undefined, undefined, () => {})
}

const answers = (): number => responsesOf(tally) + tally.wrong

/** How long nothing may come. An open loop of few requests has pauses of its own. */
const silentMsMax = (rate: number | undefined): number => SILENT_MS_MAX + (rate === undefined ? 0 : 2000 / rate)

/** Calls once nothing came for too long. */
function watchSilence(msMax: number, onSilence: () => void): NodeJS.Timeout {
  let heard = answers()
  let heardMs = performance.now()
  const timer = setInterval(() => {
    const now = answers()
    if (now !== heard) {
      heard = now
      heardMs = performance.now()
    } else if (performance.now() - heardMs > msMax) {
      clearInterval(timer)
      onSilence()
    }
  }, SILENCE_EVERY_MS)
  return timer
}

async function runPhase(phase: 'fill' | 'warm-up' | 'load'): Promise<void> {
  Object.assign(tally, makeTally())
  latencies.reset()
  const startMs = performance.now()
  const startCpu = process.cpuUsage()
  let fellSilent = false
  const rate = options.rate === undefined || phase === 'fill' ? undefined : options.rate / processes
  const silence = watchSilence(silentMsMax(rate), () => {
    fellSilent = true
    loader.stop()
  })
  const progress = setInterval(
    () => isLive && tell({ type: 'progress', tally, latencies: latencies.encode() }),
    PROGRESS_EVERY_MS,
  )
  const endMs = await (phase === 'fill'
    ? loader.fill()
    : loader.load(phase === 'load' ? options.seconds : options.warmUp, rate))
  clearInterval(progress)
  clearInterval(silence)
  const cpu = process.cpuUsage(startCpu)
  const seconds = ((endMs ?? performance.now()) - startMs) / 1000
  tell({ type: 'done', tally, latencies: latencies.encode(), seconds, fellSilent, cpuUs: cpu.user + cpu.system })
}

async function handle(message: ToWorker): Promise<void> {
  switch (message.type) {
    case 'open': {
      const { target, share } = message
      options = message.options
      processes = share.of
      isLive = message.isLive
      const parts = { target, options, plan: makePlan(options, target, share), tally, latencies }
      loader = target.protocol === 'udp' ? makeUdpLoader(parts) : makeHttpLoader(parts)
      await loader.open()
      tell({ type: 'opened' })
      break
    }
    case 'fill':
    case 'warm-up':
    case 'load':
      return runPhase(message.type)
    case 'stop':
      loader?.stop()
      break
    case 'end':
      await loader?.close()
      process.exit(0)
      break
    default: {
      const missed: never = message
      throw new Error(`unhandled message ${String(missed)}`)
    }
  }
}

process.on('message', (message: ToWorker) => {
  handle(message).catch((error: unknown) => {
    const isOperators = error instanceof OperatorError
    const reason = isOperators ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error)
    tell({ type: 'failed', reason, isOperators })
  })
})
// A Ctrl-C reaches the whole group: the command says when to end, so that what was seen is told.
for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM'] as const) process.on(signal, () => {})
process.on('disconnect', () => process.exit(1))
