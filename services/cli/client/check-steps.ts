import type { InfoHash } from '../../../lib/wire/info-hash.ts'
import { scrapePathOf } from '../../../lib/wire/scrape-path.ts'
import type { Outside } from '../outside.ts'
import { type Answer, answered, type Failure, failed } from './answer.ts'
import { announceByHttp, announceByUdp, scrapeByHttp, scrapeByUdp } from './ask.ts'
import { askHttp } from './http.ts'
import { trialOf } from './options.ts'
import type { Target } from './target.ts'
import { withUdpTracker } from './udp.ts'

/** What was found of a URL: the steps that went well, and the one that did not. */
export type Check = {
  url: URL
  isWell: boolean
  ms: number
  steps: { name: StepName; ms: number }[]
  problem: (Omit<Failure, 'ok'> & { step: StepName }) | undefined
}

type StepName = 'connect' | 'announce' | 'scrape' | 'health'
type RunStep = <T>(name: StepName, ask: () => Promise<Answer<T>>) => Promise<Answer<T>>

/** Checks one URL, step by step until one fails. */
export async function checkTarget(target: Target, outside: Outside, infoHash: InfoHash): Promise<Check> {
  const startMs = performance.now()
  const steps: Check['steps'] = []
  let problem: Check['problem']
  const runStep: RunStep = async (name, ask) => {
    const fromMs = performance.now()
    const answer = await ask()
    if (answer.ok) steps.push({ name, ms: performance.now() - fromMs })
    else problem ??= { step: name, kind: answer.kind, reason: answer.reason }
    return answer
  }
  await stepsOf(target)(target, outside, infoHash, runStep)
  return { url: target.url, isWell: problem === undefined, ms: performance.now() - startMs, steps, problem }
}

type Steps = (target: Target, outside: Outside, infoHash: InfoHash, runStep: RunStep) => Promise<unknown>

/** An HTTP URL whose path has no `announce` is a health check's. */
function stepsOf({ url }: Target): Steps {
  if (url.protocol === 'udp:') return checkUdp
  return scrapePathOf(url.pathname) === undefined ? checkHealth : checkHttp
}

/** The connect is over once the tracker is there to use. */
const checkUdp: Steps = async (target, outside, infoHash, runStep) => {
  const connected = Promise.withResolvers<Answer<undefined>>()
  const connect = runStep('connect', () => connected.promise)
  const answer = await withUdpTracker(target, outside, async (tracker) => {
    connected.resolve(answered(undefined))
    await connect
    const announce = trialOf(infoHash, outside)
    const told = await runStep('announce', () => announceByUdp(tracker, target, outside, announce))
    if (told.ok) await runStep('scrape', () => scrapeByUdp(tracker, [infoHash]))
    return answered(undefined)
  })
  connected.resolve(answer)
  await connect
}

const checkHttp: Steps = async (target, outside, infoHash, runStep) => {
  const told = await runStep('announce', () => announceByHttp(target, trialOf(infoHash, outside)))
  if (told.ok) await runStep('scrape', () => scrapeByHttp(target, [infoHash]))
}

const checkHealth: Steps = (target, _outside, _infoHash, runStep) =>
  runStep('health', async () => {
    const { pathname, search } = target.url
    const answer = await askHttp(target, `${pathname}${search}`)
    if (!answer.ok) return answer
    const { status, statusText, body } = answer.value
    const told = statusIn(body)
    if (status !== 200) return failed('bad answer', told === undefined ? statusText : `${statusText}, status ${told}`)
    if (told !== undefined && !WELL.test(told)) return failed('bad answer', `it says status ${told}`)
    return answered(undefined)
  })

/** Torrust's health services tell `Ok`, `Error` or `None` (nothing to check). */
const WELL = /^(ok|none|healthy|pass|up)$/i

/** The `status` of a health service's JSON; undefined where it tells none. */
function statusIn(body: Buffer): string | undefined {
  try {
    const { status } = (JSON.parse(body.toString()) ?? {}) as { status?: unknown }
    return typeof status === 'string' ? status : undefined
  } catch {
    return undefined
  }
}
