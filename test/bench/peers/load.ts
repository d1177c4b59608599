import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import type { RunningTracker } from './tracker.ts'

/** What a load is made of: options of `redswarm load`. */
export type LoadShape = { seconds: number; torrents: number; peers: number; numwant: number }

/** What `redswarm load --json` tells, as far as it is used here. */
export type LoadResult = {
  responses: number
  responsesPerS: number
  errors: number
  errorTexts: Record<string, number>
  lost: number
  wrong: number
  wrongAnswers: Record<string, number>
  peersPerAnnounce: number
  latencyMs: { p50: number; p99: number }
  cpuUsPerResponse: Record<string, number>
  loadCpuUsPerResponse: number
}

/** Beside the measured seconds, a load fills the tracker, and waits for answers that do not come. */
const BESIDE_MS_MAX = 180_000
/** Its exit code where a reply was wrong: what it saw is told all the same. */
const WRONG = 1

/** Loads a tracker by `redswarm load`; `onLoading` is called when it is filled, before the measured seconds. */
export async function runLoad(
  { url, pids }: Pick<RunningTracker, 'url' | 'pids'>,
  shape: LoadShape,
  { more = [], onLoading = () => {} }: { more?: readonly string[]; onLoading?: () => void } = {},
): Promise<LoadResult> {
  const args = ['load', new URL(url).protocol.slice(0, -1), url, '--json', ...more]
  for (const [name, value] of Object.entries(shape)) args.push(`--${name}`, String(value))
  for (const [name, pid] of Object.entries(pids)) args.push('--pid', `${name}=${pid}`)
  const timeout = shape.seconds * 1000 + BESIDE_MS_MAX
  const child = spawn(process.execPath, ['services/main.ts', ...args], { stdio: ['ignore', 'pipe', 'pipe'], timeout })
  const ended = once(child, 'close')
  let said = ''
  createInterface(child.stderr).on('line', (line) => {
    if (line === 'loading') onLoading()
    else if (line !== 'loaded') said += `${line}\n`
  })
  const output = await text(child.stdout)
  const [code] = await ended
  if ((code !== 0 && code !== WRONG) || output === '')
    throw new Error(`redswarm ${args.join(' ')}: ended with ${code}\n${said}`)
  return JSON.parse(output) as LoadResult
}
