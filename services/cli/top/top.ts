import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { jsonLine, printable, shown } from '../../../lib/observe/table.ts'
import { onStopSignals } from '../../../lib/signals.ts'
import { awayText as masterText, orNull } from '../../../lib/store/away-masters.ts'
import { isSilent } from '../../../lib/store/instances.ts'
import { readSecondsMs } from '../given.ts'
import { RATE_KINDS } from '../operate/rates.ts'
import { kindText, perS, withoutText } from '../operate/status-text.ts'
import { paint } from '../paint.ts'
import { EXIT, print, runOnRedis, type Target } from '../redis.ts'
import { textOf, timeText } from '../text.ts'
import { awayText, frameOf } from './frame.ts'
import { makeSampler, type Sample, type Sampler } from './sampler.ts'
import { enterScreen } from './screen.ts'

/** Options of the live view. */
export type TopOptions = { interval: string; once?: boolean; json?: boolean }

const INTERVAL_S = { min: 0.2, max: 60 } as const
/** With --once, the second sample comes so long after the first: rates are of two. */
const ONCE_MS = 2000
/** Rows of a frame that is not on a screen. */
const ROWS_ONCE = 60

/** Shows what a tracker does, again and again, until told to end; answers the exit code. */
export const runTop = ({ interval, once = false, json = false }: TopOptions): Promise<number> =>
  runOnRedis('read', async (target) => {
    const intervalMs = readSecondsMs('--interval', interval, INTERVAL_S.min, INTERVAL_S.max)
    const sample = makeSampler(target)
    if (once) return showOnce(target, sample, json)
    const isScreen = process.stdout.isTTY === true && !json
    await (isScreen ? showOnScreen(target, sample, intervalMs) : showLines(sample, intervalMs, json))
    return EXIT.done
  })

async function showOnce({ name }: Target, sample: Sampler, isJson: boolean): Promise<number> {
  await sample()
  await sleep(ONCE_MS)
  const found = await sample()
  const lines = frameOf(found, { rows: ROWS_ONCE, name, hint: '', nowMs: performance.now() })
  await print(isJson ? jsonLine(bodyOf(found)) : textOf(lines.map(({ text }) => text)))
  return found.away ? EXIT.notRun : EXIT.done
}

async function showOnScreen({ name }: Target, sample: Sampler, intervalMs: number): Promise<void> {
  const ended = new AbortController()
  let last: Sample | undefined
  const draw = (): void => {
    if (last && !ended.signal.aborted) {
      screen.draw(frameOf(last, { rows: screen.rows(), name, hint: '  q ends', nowMs: performance.now() }))
    }
  }
  const screen = enterScreen(paint, { onEnd: () => ended.abort(), onResize: draw })
  try {
    await again(intervalMs, ended.signal, async () => {
      last = await sample()
      draw()
      return true
    })
  } finally {
    screen.leave()
  }
}

async function showLines(sample: Sampler, intervalMs: number, isJson: boolean): Promise<void> {
  const ended = new AbortController()
  const forget = onStopSignals(
    () => ended.abort(),
    () => process.exit(1),
  )
  try {
    await again(intervalMs, ended.signal, async () => {
      const found = await sample()
      return print(isJson ? jsonLine(bodyOf(found)) : `${lineOf(found)}\n`)
    })
  } finally {
    forget()
  }
}

/** Does something at every interval until it is ended, or has nobody left to do it for. */
async function again(everyMs: number, signal: AbortSignal, step: () => Promise<boolean>): Promise<void> {
  // A Redis that hangs takes seconds to give up; whoever ends it does not wait for that.
  const ended = once(signal, 'abort').then(() => false)
  for (let dueMs = performance.now(); !signal.aborted; dueMs = Math.max(dueMs + everyMs, performance.now())) {
    await sleep(Math.max(0, dueMs - performance.now()), undefined, { signal }).catch(() => {})
    if (signal.aborted || !(await Promise.race([step(), ended]))) return
  }
}

/** A sample as one line, for a log: rates are requests a second. */
function lineOf({ nowS, rates, instances, totals, away, awayMasters }: Sample): string {
  if (away) return awayText(away, performance.now())
  const kinds = rates ? RATE_KINDS.map((kind) => `${kindText(kind)} ${perS(rates[kind])}`) : []
  const peers = totals
    ? [`torrents ${shown(totals.counts.torrents)}`, `peers ${shown(totals.counts.seeders + totals.counts.leechers)}`]
    : []
  const without = totals && totals.without.all.length > 0 ? [withoutText(totals.without)] : []
  const missing = awayMasters.map((master) => printable(masterText(master)))
  const told = [...kinds, ...peers, ...without, ...processTexts(instances, nowS), ...missing]
  return `${timeText(nowS)}  ${told.join(', ')}`
}

function processTexts(instances: Sample['instances'], nowS: number): string[] {
  if (instances === 'away') return []
  const silent = instances.filter((instance) => isSilent(instance, nowS)).length
  return [`processes ${shown(instances.length - silent)}`, ...(silent > 0 ? [`silent ${shown(silent)}`] : [])]
}

const bodyOf = ({ nowS, rates, instances, totals, server, best, away, awayMasters }: Sample) => ({
  at: Number(nowS.toFixed(3)),
  away: away?.reason ?? null,
  masters_away: awayMasters,
  rates: rates ? Object.fromEntries(RATE_KINDS.map((kind) => [`${kind}_per_s`, Number(rates[kind].toFixed(1))])) : null,
  totals: totals ? { ...totals.counts, whole: totals.without.all.length === 0 } : null,
  memory_bytes: server?.usedBytes ?? null,
  processes: orNull(instances, (all) =>
    all.map((instance) => ({
      ...{ roles: instance.roles, host: instance.host, pid: instance.pid, silent: isSilent(instance, nowS) },
      ...{ requests_per_s: instance.requestsPerS, cpu_cores: instance.cpuCores, rss_bytes: instance.rssBytes },
    })),
  ),
  biggest: orNull(best, (all) =>
    all.map(({ hex, seeders, leechers, completed }) => ({ info_hash: hex, seeders, leechers, completed })),
  ),
})
