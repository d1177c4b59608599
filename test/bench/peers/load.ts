import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import type { LoadReport } from '../../../services/load/report.ts'
import { killAtExit } from '../../support/at-exit.ts'
import { foreignEnvironment, MAIN } from './process.ts'
import type { RunningTracker } from './tracker.ts'

/** What a load is made of: options of `redswarm load`. */
export type LoadShape = { seconds: number; torrents: number; peers: number; numwant: number }

/** What a load told, once it was looked at: none of the processes was gone, and something was answered. */
export type LoadResult = Pick<
  LoadReport,
  | 'responses'
  | 'responsesPerS'
  | 'errors'
  | 'errorTexts'
  | 'lost'
  | 'wrong'
  | 'wrongAnswers'
  | 'peersPerAnnounce'
  | 'latencyMs'
> & {
  seconds: number
  cpuUsPerResponse: Record<string, number>
  loadCpuUsPerResponse: number
}

/** What is looked at: null where a process was gone. */
type ToldLoad = Omit<LoadResult, 'cpuUsPerResponse'> & Pick<LoadReport, 'cpuUsPerResponse'>

/** Beside the measured seconds, a load fills the tracker, the slowest at 4,000 peers a second, and waits for answers that do not come. */
const BESIDE_MS_MAX = 60_000
const FILL_MS_PER_PEER_MAX = 0.25
/** Its exit code where a reply was wrong: what it saw is told all the same. */
const WRONG = 1
/** Timers come a little early. */
const SHORT_S_MAX = 0.1

/** Loads a tracker by `redswarm load`; `onLoading` is called when it is filled, before the measured seconds. */
export async function runLoad(
  { url, pids }: Pick<RunningTracker, 'url' | 'pids'>,
  shape: LoadShape,
  { more = [], onLoading = () => {} }: { more?: readonly string[]; onLoading?: () => void } = {},
): Promise<LoadResult> {
  const args = ['load', new URL(url).protocol.slice(0, -1), url, '--json', ...more]
  for (const [name, value] of Object.entries(shape)) args.push(`--${name}`, String(value))
  for (const [name, pid] of Object.entries(pids)) args.push('--pid', `${name}=${pid}`)
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: foreignEnvironment(),
    timeout: shape.seconds * 1000 + shape.peers * FILL_MS_PER_PEER_MAX + BESIDE_MS_MAX,
    // At SIGTERM it would end early and tell of what it had by then.
    killSignal: 'SIGKILL',
  })
  killAtExit(child)
  const follow = async (): Promise<string> => {
    let said = ''
    for await (const line of createInterface(child.stderr)) {
      if (line === 'loading') onLoading()
      else if (line !== 'loaded') said += `${line}\n`
    }
    return said
  }
  try {
    const [said, output, [code, signal]] = await Promise.all([follow(), text(child.stdout), once(child, 'close')])
    if ((code !== 0 && code !== WRONG) || output === '')
      throw new Error(`redswarm ${args.join(' ')}: ended by ${signal ?? `exit code ${code}`}\n${said}`)
    return wholeLoad(JSON.parse(output) as ToldLoad, shape.seconds)
  } finally {
    child.kill('SIGKILL')
  }
}

/** Throws where a load is not what was asked for: a figure of it would be a false one. */
export function wholeLoad(load: ToldLoad, secondsAsked: number): LoadResult {
  const { seconds, responses, cpuUsPerResponse } = load
  if (seconds < secondsAsked - SHORT_S_MAX)
    throw new Error(`the load was cut off after ${seconds.toFixed(1)} of ${secondsAsked} s`)
  if (responses === 0) throw new Error('the tracker gave no right answer')
  const gone = Object.keys(cpuUsPerResponse).filter((name) => cpuUsPerResponse[name] === null)
  if (gone.length > 0) throw new Error(`ended while it was loaded: ${gone.join(', ')}`)
  return load as LoadResult
}
