import { messageOf } from './errors.ts'

/** Longest that a stop may take: what orchestrators grant before they kill. */
export const STOP_MS_MAX = 10_000

/** What was started and must be stopped; each started thing registers how. */
export type Lifecycle = {
  /** Registers how to stop something; `name` is told where that fails. */
  onStop: (name: string, stop: () => Promise<void> | void) => void
  /** Stops all, the last started first, within `STOP_MS_MAX`. Answers the problems. Called again: the same stop. */
  stop: () => Promise<string[]>
}

/** A lifecycle with nothing started. */
export function makeLifecycle(): Lifecycle {
  const stops: { name: string; stop: () => Promise<void> | void }[] = []
  let stopping: Promise<string[]> | undefined
  const stopAll = async (): Promise<string[]> => {
    const deadlineMs = performance.now() + STOP_MS_MAX
    const problems: string[] = []
    for (let last = stops.pop(); last; last = stops.pop()) {
      try {
        await within(deadlineMs - performance.now(), last.stop)
      } catch (error) {
        problems.push(`${last.name}: ${messageOf(error)}`)
      }
    }
    return problems
  }
  return {
    onStop: (name, stop) => void stops.push({ name, stop }),
    stop() {
      stopping ??= stopAll()
      return stopping
    },
  }
}

async function within(ms: number, run: () => Promise<void> | void): Promise<void> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error('did not stop in time')), Math.max(ms, 100))
  try {
    await Promise.race([run(), late.promise])
  } finally {
    clearTimeout(timer)
  }
}
