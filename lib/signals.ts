/** What asks a process to stop: a shell's Ctrl-C, an orchestrator, a terminal that is closed. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Sooner than that, a second signal is the first that came by another way: npm hands on what the terminal sends to all. */
const REPEAT_MS_MIN = 300

/**
 * Calls `first` at the first signal that asks to stop, and `again` at each one more, of an impatient user. Answers how to
 * listen no longer: a signal ends the process at once then, without the handlers of its exit.
 */
export function onStopSignals(
  first: (signal: NodeJS.Signals) => void,
  again: (signal: NodeJS.Signals) => void,
): () => void {
  let firstAtMs: number | undefined
  const onSignal = (signal: NodeJS.Signals): void => {
    const nowMs = performance.now()
    if (firstAtMs === undefined) {
      firstAtMs = nowMs
      first(signal)
    } else if (nowMs - firstAtMs > REPEAT_MS_MIN) again(signal)
  }
  for (const signal of SIGNALS) process.on(signal, onSignal)
  return () => {
    for (const signal of SIGNALS) process.removeListener(signal, onSignal)
  }
}
