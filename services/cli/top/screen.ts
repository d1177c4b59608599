import { writeSync } from 'node:fs'
import { onStopSignals } from '../../../lib/signals.ts'
import type { Paint } from '../paint.ts'
import type { Line } from './frame.ts'

const ESC = '\x1b'
/** The alternate screen keeps what was on the terminal; without the cursor, nothing blinks over the figures. */
const ENTER = `${ESC}[?1049h${ESC}[?25l`
const LEAVE = `${ESC}[?25h${ESC}[?1049l`
const [HOME, END_OF_LINE, END_OF_SCREEN] = [`${ESC}[H`, `${ESC}[K`, `${ESC}[J`]
const CTRL_C = '\x03'

/** A terminal while something is drawn on it again and again. */
export type Screen = {
  rows: () => number
  draw: (lines: readonly Line[]) => void
  /** Gives the terminal back as it was. */
  leave: () => void
}

/**
 * Takes the terminal over; `onEnd` is called for `q`, Ctrl-C and signals, `onResize` where its size changes. It is given
 * back however the process ends, but by SIGKILL.
 */
export function enterScreen(paint: Paint, { onEnd, onResize }: { onEnd: () => void; onResize: () => void }): Screen {
  const { stdin, stdout } = process
  let hasLeft = false
  const leave = (): void => {
    if (hasLeft) return
    hasLeft = true
    stdout.off('resize', onResize)
    stdin.off('data', onKey).pause()
    process.off('exit', leave)
    forget()
    if (stdin.isTTY) stdin.setRawMode(false)
    write(LEAVE)
  }
  const onKey = (keys: Buffer): void => {
    if (/[qQ]/.test(keys.toString('latin1')) || keys.includes(CTRL_C)) onEnd()
  }
  const forget = onStopSignals(onEnd, () => process.exit(1))
  // An error that nobody caught ends the process here, too.
  process.on('exit', leave)
  if (stdin.isTTY) stdin.setRawMode(true)
  // Without a terminal there are no keys, and an input that has ended must not be waited for.
  if (stdin.isTTY) stdin.on('data', onKey).resume()
  stdout.on('resize', onResize)
  write(ENTER)
  // Asked for, since a process that stands in for this one may have heard of the new size in its place.
  // A terminal that was not told its size (a serial line) has none: that of all terminals of old.
  const sizeNow = (): [columns: number, rows: number] => {
    const [columns, rows] = stdout.getWindowSize()
    return [columns || 80, rows || 24]
  }
  return {
    rows: () => sizeNow()[1],
    draw(lines) {
      // One less: a full line would move the cursor to the next.
      const width = Math.max(1, sizeNow()[0] - 1)
      const drawn = lines.map(({ text, style }) => {
        const cut = text.slice(0, width)
        return `${style && cut !== '' ? paint(style, cut) : cut}${END_OF_LINE}`
      })
      write(`${HOME}${drawn.join('\r\n')}${END_OF_SCREEN}`)
    },
    leave,
  }
}

/** At once, so that it is there before the process ends. A terminal that is gone, or full, has no use for it. */
function write(text: string): void {
  try {
    writeSync(process.stdout.fd, text)
  } catch {
    // The next frame comes soon.
  }
}
