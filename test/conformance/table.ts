import type { Case } from './case.ts'
import { THEMES } from './cases/index.ts'
import { TRAPS } from './cases/traps.ts'
import type { Outcome, Result } from './runner.ts'

/** A tracker's name and what came of the cases on it. */
export type Column = { name: string; version: string; results: readonly Result[] }

/** What awaits something awaits it of this one. */
export const OURS = 'redswarm'
const CELL_CHARS_MAX = 60
const NOT_OFFERED = '–'

/** What one cell says. */
export function cellOf({ entry, runs }: Result, isOurs: boolean): string {
  if ('awaits' in entry) return isOurs ? `not yet: ${entry.awaits}` : NOT_OFFERED
  const outcomes = runs.map(({ outcome }) => outcome).filter(({ verdict }) => verdict !== 'not offered')
  const wrong = outcomes.filter((outcome) => outcome.verdict === 'no')
  const count = entry.ways ? `${outcomes.length - wrong.length} of ${outcomes.length} ways` : ''
  if (outcomes.length === 0) return NOT_OFFERED
  const [first] = wrong
  if (!first) return entry.ways && outcomes.length < entry.ways.length ? `yes, ${outcomes.length} ways` : 'yes'
  const told = mostTold(wrong)
  return entry.ways && wrong.length < outcomes.length ? `${count}; else ${told}` : told
}

/** What was told most often, so that the order of the runs does not matter. */
function mostTold(wrong: readonly Outcome[]): string {
  const counts = new Map<string, number>()
  for (const outcome of wrong)
    if (outcome.verdict === 'no') counts.set(outcome.told, (counts.get(outcome.told) ?? 0) + 1)
  const [most = ''] = [...counts.keys()].sort((a, b) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0) || (a < b ? -1 : 1))
  return most.length > CELL_CHARS_MAX ? `${most.slice(0, CELL_CHARS_MAX)}…` : most
}

/** Text in a cell of Markdown: what a tracker said may hold anything. */
const escaped = (text: string): string => text.replace(/\p{Cc}/gu, '?').replace(/[\\|<>*_`[\]]/g, (mark) => `\\${mark}`)

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`

/** The tables of all themes, a column for each tracker. */
export function markdownOf(columns: readonly Column[]): string {
  const cell = (column: Column, entry: Case) => {
    const result = column.results.find((each) => each.entry === entry)
    return result ? escaped(cellOf(result, column.name === OURS)) : ''
  }
  const tables = THEMES.map(({ name, cases }) => {
    const rows = cases.map((entry) =>
      row([entry.number, entry.title, entry.source, ...columns.map((column) => cell(column, entry))]),
    )
    const names = columns.map((column) => column.name)
    return [
      `### ${name}`,
      '',
      row(['#', 'a tracker should', 'from', ...names]),
      row(['---', '---', '---', ...names.map(() => '---')]),
      ...rows,
    ].join('\n')
  })
  return [summaryOf(columns), ...tables, trapsTable()].join('\n\n')
}

/** How many cases a tracker answers as they are put, otherwise, and not at all. */
function countsOf({ name, results }: Column): { yes: number; otherwise: number; none: number } {
  const cells = results.map((result) => cellOf(result, name === OURS))
  const yes = cells.filter((text) => /^yes($|,)/.test(text)).length
  const none = cells.filter((text) => text === NOT_OFFERED || text.startsWith('not yet: ')).length
  return { yes, otherwise: cells.length - yes - none, none }
}

function summaryOf(columns: readonly Column[]): string {
  const lines = columns.map((column) => {
    const { yes, otherwise, none } = countsOf(column)
    return row([column.name, column.version, String(yes), String(otherwise), String(none)])
  })
  return [
    row(['tracker', '', 'yes', 'otherwise', 'not offered, or not yet']),
    row(['---', '---', '---:', '---:', '---:']),
    ...lines,
  ].join('\n')
}

function trapsTable(): string {
  const rows = TRAPS.map(([trap, cases]) => row([trap, typeof cases === 'string' ? cases : cases.join(', ')]))
  return ['### What has bitten trackers', '', row(['trap', 'cases that tell']), row(['---', '---']), ...rows].join('\n')
}

/** The same for a terminal, of one tracker. */
export function textOf(column: Column): string {
  const { name, results } = column
  const { yes, otherwise, none } = countsOf(column)
  const width = Math.max(...results.map(({ entry }) => entry.number.length))
  const lines = results.map((result) => {
    const { number, title } = result.entry
    return `${number.padStart(width)}  ${title}\n${' '.repeat(width)}  -> ${cellOf(result, name === OURS)}`
  })
  return [name, ...lines, `${yes} yes, ${otherwise} otherwise, ${none} not offered`].join('\n')
}

/** The same for programs: each run with what came of it. */
export const jsonOf = ({ name, results }: Column) => ({
  tracker: name,
  cases: results.map(({ entry, runs }) => ({
    number: entry.number,
    title: entry.title,
    source: entry.source,
    ...('awaits' in entry ? { awaits: entry.awaits } : { runs }),
  })),
})

/** Whether a tracker did otherwise anywhere. */
export const hasDeviation = ({ results }: Column): boolean =>
  results.some(({ runs }) => runs.some(({ outcome }) => outcome.verdict === 'no'))
