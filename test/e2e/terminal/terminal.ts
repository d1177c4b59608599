import { spawn } from 'node:child_process'
import { once } from 'node:events'
import xterm, { type IBufferCell, type Terminal } from '@xterm/headless'
import { killAtExit } from '../../support/at-exit.ts'

/** Letters of one look that stand side by side, and where they begin. */
export type Run = { column: number; text: string; isBold: boolean; isDim: boolean; colour: number | undefined }

/** A command that runs on a terminal of its own. */
export type OnTerminal = {
  /** What is on the screen now, line by line. */
  lines: () => Promise<Run[][]>
  /** Types this. */
  type: (keys: string) => void
  /** Waits for its end. */
  ended: Promise<unknown>
}

/** Runs `redswarm` with these arguments on a terminal of this size, by the `script` of util-linux. */
export function runOnTerminal(
  args: string[],
  env: Record<string, string>,
  { columns, rows }: { columns: number; rows: number },
): OnTerminal {
  const terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true })
  const command = `stty rows ${rows} cols ${columns}; exec '${process.execPath}' services/main.ts ${args.join(' ')}`
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH, TERM: 'xterm-256color', SHELL: '/bin/sh', ...env },
  })
  killAtExit(child)
  child.stdout.on('data', (bytes: Buffer) => terminal.write(bytes))
  return {
    async lines() {
      await new Promise<void>((resolve) => terminal.write('', resolve))
      return Array.from({ length: rows }, (_, row) => runsOf(terminal, row))
    },
    type: (keys) => void child.stdin.write(keys),
    ended: once(child, 'close'),
  }
}

function runsOf(terminal: Terminal, row: number): Run[] {
  const line = terminal.buffer.active.getLine(row)
  const runs: Run[] = []
  for (let column = 0; column < terminal.cols; column++) {
    const cell = line?.getCell(column)
    if (!cell || cell.getChars().trim() === '') continue
    const look = lookOf(cell)
    const last = runs.at(-1)
    // One space between words is theirs; more of them part columns.
    const gap = last ? column - last.column - last.text.length : 0
    if (last && gap <= 1 && isSame(last, look)) last.text += ' '.repeat(gap) + cell.getChars()
    else runs.push({ column, text: cell.getChars(), ...look })
  }
  return runs
}

const lookOf = (cell: IBufferCell): Omit<Run, 'column' | 'text'> => ({
  isBold: cell.isBold() !== 0,
  isDim: cell.isDim() !== 0,
  colour: cell.isFgPalette() ? cell.getFgColor() : undefined,
})

const isSame = (a: Run, b: Omit<Run, 'column' | 'text'>): boolean =>
  a.isBold === b.isBold && a.isDim === b.isDim && a.colour === b.colour
