import { fixed, shown, tableOf } from '../../lib/observe/table.ts'
import { markdownTable } from '../bench/table.ts'
import type { Row } from './row.ts'

const HEAD = [
  ...[
    'fault',
    'in flight',
    'sent',
    'answered',
    'refused',
    'lost',
    'wrong',
    'peers',
    'peers lost',
    'lost in the window',
  ],
  'back after, s',
  ...['tracker, MB', 'Redis, MB', 'audit'],
]

/** Rows for a terminal, lined up. */
export const textOfRows = (rows: readonly Row[]): string => tableOf(HEAD, rows.map(cellsOf)).join('\n')

/** Rows for the docs. */
export const markdownOfRows = (rows: readonly Row[]): string => markdownTable(HEAD, rows.map(cellsOf))

/** A row as a line, while others are still to come. */
export function lineOf({ fault, problems, note, ...row }: Row): string {
  const told = `sent ${shown(row.sent)}, refused ${shown(row.refused)}, lost ${row.lost}, back after ${seconds(row.recoveryMs)} s`
  const window = row.peersLostInWindow ? `, peers lost in the window ${row.peersLostInWindow}` : ''
  const more = note === '' ? '' : `; ${note}`
  const wrong = problems.map((problem) => `\n    ${problem}`).join('')
  return `  ${problems.length === 0 ? 'as promised' : 'NOT AS PROMISED'}  ${fault}: ${told}${window}${more} (${fixed(row.seconds, 0)} s)${wrong}`
}

const seconds = (ms: number | undefined): string => (ms === undefined ? '-' : fixed(ms / 1000))

function cellsOf(row: Row): string[] {
  const megabytes = ([before, after]: Row['trackerBytes'], digits: number) =>
    `${fixed(before / 1e6, digits)} to ${fixed(after / 1e6, digits)}`
  return [
    row.fault,
    ...[row.inFlight, row.sent, row.answered, row.refused, row.lost, row.wrong].map(shown),
    ...[row.peers, row.peersLost].map(shown),
    ...[row.peersLostInWindow === undefined ? '-' : shown(row.peersLostInWindow), seconds(row.recoveryMs)],
    ...[megabytes(row.trackerBytes, 0), megabytes(row.redisBytes, 1), shown(row.auditFaults)],
  ]
}
