const SHOWN_EVERY_MS = 500

/** Tells which part of a profile is at work, and how long it takes. */
export type OnPhase = (phase: string, seconds?: number) => void

/** Tells phases: on a terminal in one line that counts the seconds, elsewhere a line for each. */
export function makeProgress(stream: NodeJS.WriteStream): { onPhase: OnPhase; stop: () => void } {
  let timer: NodeJS.Timeout | undefined
  const clear = (): void => {
    clearInterval(timer)
    if (stream.isTTY) stream.write('\r\u001b[K')
  }
  return {
    stop: clear,
    onPhase(phase, seconds) {
      const ofAll = seconds === undefined ? '' : ` of ${seconds}`
      clear()
      if (!stream.isTTY) {
        stream.write(`  ${phase}${seconds === undefined ? '' : `, ${seconds} s`} …\n`)
        return
      }
      const startMs = performance.now()
      const show = () =>
        stream.write(`\r  ${phase} … ${Math.floor((performance.now() - startMs) / 1000)}${ofAll} s\u001b[K`)
      show()
      timer = setInterval(show, SHOWN_EVERY_MS)
    },
  }
}
