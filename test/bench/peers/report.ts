import { median } from 'simple-statistics'
import type { LoadResult } from './load.ts'
import type { Round } from './measure.ts'

/** The rounds of one tracker, summed up by medians. */
export type Summary = {
  tracker: string
  version: string
  cpuUs: { rounds: number[]; median: number; parts: Record<string, number> }
  loadCpuUs: number
  responsesPerS: number
  peersPerAnnounce: number
  p50Ms: number
  p99Ms: number
  /** Of all rounds. */
  responses: number
  errors: number
  lost: number
  wrong: number
  bytesPerPeer: { all: number; parts: Record<string, number> }
  /** What was refused or wrong, by its text. */
  texts: Record<string, number>
}

const sumOf = (parts: Record<string, number>): number => Object.values(parts).reduce((sum, part) => sum + part, 0)

/** The median of each part. */
function medians(all: readonly Record<string, number>[]): Record<string, number> {
  const names = Object.keys(all[0] ?? {})
  return Object.fromEntries(names.map((name) => [name, median(all.map((each) => each[name] ?? 0))]))
}

/** The share of replies that were right: the load counts by these alone, but a wrong one costs a tracker as much. */
const rightShare = ({ responses, wrong }: LoadResult): number => responses / (responses + wrong)

/** CPU per reply, right or wrong, by part. */
const cpuPerReply = (load: LoadResult): Record<string, number> =>
  Object.fromEntries(Object.entries(load.cpuUsPerResponse).map(([name, us]) => [name, us * rightShare(load)]))

/** Sums up the rounds of one tracker. */
export function summarize(version: string, rounds: readonly Round[]): Summary {
  const loads = rounds.map(({ load }) => load)
  const middle = (of: (load: LoadResult) => number): number => median(loads.map(of))
  const total = (of: (load: LoadResult) => number): number => loads.reduce((sum, load) => sum + of(load), 0)
  const cpu = loads.map(cpuPerReply)
  const bytes = rounds.map(({ bytesPerPeer }) => bytesPerPeer)
  const texts: Record<string, number> = {}
  for (const { errorTexts, wrongAnswers } of loads) {
    for (const [text, count] of Object.entries({ ...errorTexts, ...wrongAnswers }))
      texts[text] = (texts[text] ?? 0) + count
  }
  return {
    tracker: rounds[0]?.tracker ?? '',
    version,
    cpuUs: { rounds: cpu.map(sumOf), median: median(cpu.map(sumOf)), parts: medians(cpu) },
    loadCpuUs: middle((load) => load.loadCpuUsPerResponse * rightShare(load)),
    responsesPerS: middle((load) => load.responsesPerS / rightShare(load)),
    peersPerAnnounce: middle((load) => load.peersPerAnnounce),
    p50Ms: middle((load) => load.latencyMs.p50),
    p99Ms: middle((load) => load.latencyMs.p99),
    responses: total((load) => load.responses),
    errors: total((load) => load.errors),
    lost: total((load) => load.lost),
    wrong: total((load) => load.wrong),
    bytesPerPeer: { all: median(bytes.map(sumOf)), parts: medians(bytes) },
    texts,
  }
}

const us = (value: number): string => value.toFixed(1)
const whole = (value: number): string => Math.round(value).toLocaleString('en')

const withParts = (value: string, parts: Record<string, number>, show: (value: number) => string): string => {
  const names = Object.keys(parts)
  return names.length < 2 ? value : `${value} (${names.map((name) => `${name} ${show(parts[name] ?? 0)}`).join(', ')})`
}

const COLUMNS: [title: string, cell: (summary: Summary) => string][] = [
  ['tracker', ({ tracker, version }) => (tracker === 'redswarm' ? '**Redswarm**' : `${tracker} ${version}`)],
  ['CPU µs per response', ({ cpuUs: { median, parts } }) => withParts(us(median), parts, us)],
  ['rounds', ({ cpuUs }) => cpuUs.rounds.map(us).join(', ')],
  ['responses/s', ({ responsesPerS }) => whole(responsesPerS)],
  ['peers per announce', ({ peersPerAnnounce }) => us(peersPerAnnounce)],
  ['p50 / p99 ms', ({ p50Ms, p99Ms }) => `${us(p50Ms)} / ${us(p99Ms)}`],
  ['errors / lost / wrong', ({ errors, lost, wrong }) => [errors, lost, wrong].map(whole).join(' / ')],
  ['bytes per peer', ({ bytesPerPeer: { all, parts } }) => withParts(whole(all), parts, whole)],
  ['load µs', ({ loadCpuUs }) => us(loadCpuUs)],
]

/** The summaries as a table of Markdown. */
export function markdownTable(summaries: readonly Summary[]): string {
  const rows = [COLUMNS.map(([title]) => title), COLUMNS.map(() => '---')]
  for (const summary of summaries) rows.push(COLUMNS.map(([, cell]) => cell(summary)))
  return rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** The same for a terminal: columns that line up. */
export function plainTable(summaries: readonly Summary[]): string {
  const rows = [COLUMNS.map(([title]) => title), ...summaries.map((each) => COLUMNS.map(([, cell]) => cell(each)))]
  const widths = COLUMNS.map((_, i) => Math.max(...rows.map((cells) => cells[i]?.length ?? 0)))
  const line = (cells: readonly string[]) => cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')
  return rows
    .map((cells) => line(cells).trimEnd())
    .join('\n')
    .replaceAll('**', '')
}

/** What was refused, and what was wrong with replies: a line each. */
export const textLines = (summaries: readonly Summary[]): string[] =>
  summaries.flatMap(({ tracker, texts }) =>
    Object.entries(texts).map(([text, count]) => `${tracker}: ${whole(count)} times "${text}"`),
  )
