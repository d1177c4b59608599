import { setTimeout as sleep } from 'node:timers/promises'
import { COUNTER_NAMES } from '../../../lib/observe/counters.ts'
import type { Snapshot } from './live-schemas.ts'
import type { LiveReader } from './live-snapshot.ts'
import type { Rates } from './rates.ts'

/** So often Redis is read, however many are told. */
const EVERY_MS = 1000
/** Rates are kept for so long, and read for so long after the last reader has left: one who comes back sees no gap. */
const HISTORY_MS = 300_000

/** Takes text of server-sent events. */
type Listener = (text: string) => void

/** What the tracker does now: one reading a second, told to all who listen. */
export type LiveFeed = {
  /** Tells the history at once and then each snapshot; answers how to stop. */
  listen: (listener: Listener) => () => void
  stop: () => Promise<void>
}

/** The feed of what a reader reads. It reads nothing before the first has listened. */
export function makeLiveFeed({ snapshot, rates }: LiveReader): LiveFeed {
  const listeners = new Set<Listener>()
  const stopping = new AbortController()
  let history: { at: number; rates: Rates }[] = []
  let watchedMs = 0
  let running: Promise<void> | undefined

  const keep = ({ at, rates: now }: Pick<Snapshot, 'at' | 'rates'>): void => {
    // What is later than now was read by another clock, of a Redis that was there before.
    history = history.filter((each) => each.at < at && at - each.at < HISTORY_MS)
    if (now) history.push({ at, rates: now as Rates })
  }

  const read = async (): Promise<void> => {
    if (listeners.size === 0) return keep(await rates())
    watchedMs = performance.now()
    const now = await snapshot()
    keep(now)
    const text = eventText('snapshot', now)
    for (const listener of [...listeners]) listener(text)
  }

  const run = async (): Promise<void> => {
    watchedMs = performance.now()
    const isOfUse = () => listeners.size > 0 || performance.now() - watchedMs < HISTORY_MS
    while (!stopping.signal.aborted && isOfUse()) {
      const startMs = performance.now()
      await read()
      const restMs = Math.max(0, EVERY_MS - (performance.now() - startMs))
      await sleep(restMs, undefined, { signal: stopping.signal }).catch(() => {})
    }
    running = undefined
  }

  return {
    listen(listener) {
      listener(eventText('history', columnsOf(history)))
      listeners.add(listener)
      if (!stopping.signal.aborted) running ??= run()
      return () => void listeners.delete(listener)
    },
    async stop() {
      stopping.abort()
      await running
    },
  }
}

const eventText = (event: string, data: unknown): string => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`

/** A list for each counter: a tenth of what a list of objects takes. */
const columnsOf = (history: readonly { at: number; rates: Rates }[]) => ({
  at: history.map(({ at }) => at),
  rates: Object.fromEntries(COUNTER_NAMES.map((name) => [name, history.map(({ rates }) => rates[name])])),
})
