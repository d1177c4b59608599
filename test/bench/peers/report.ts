import { median } from 'simple-statistics'
import { shown, tableOf } from '../../../lib/observe/table.ts'
import { barChart } from '../chart.ts'
import { figure, markdownTable } from '../table.ts'
import type { LoadResult } from './load.ts'
import type { Round } from './measure.ts'
import type { Protocol } from './tracker.ts'

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

const withParts = (value: string, parts: Record<string, number>, show: (value: number) => string): string => {
  const names = Object.keys(parts)
  return names.length < 2 ? value : `${value} (${names.map((name) => `${name} ${show(parts[name] ?? 0)}`).join(', ')})`
}

const COLUMNS: [title: string, cell: (summary: Summary) => string][] = [
  ['tracker', ({ tracker, version }) => (tracker === 'redswarm' ? 'Redswarm' : `${tracker} ${version}`)],
  ['CPU µs per response', ({ cpuUs: { median, parts } }) => withParts(figure(median), parts, figure)],
  ['rounds', ({ cpuUs }) => cpuUs.rounds.map(figure).join(', ')],
  ['responses/s', ({ responsesPerS }) => shown(responsesPerS)],
  ['peers per announce', ({ peersPerAnnounce }) => figure(peersPerAnnounce)],
  ['p50 / p99 ms', ({ p50Ms, p99Ms }) => `${figure(p50Ms)} / ${figure(p99Ms)}`],
  ['errors / lost / wrong', ({ errors, lost, wrong }) => [errors, lost, wrong].map(shown).join(' / ')],
  ['bytes per peer', ({ bytesPerPeer: { all, parts } }) => withParts(shown(all), parts, shown)],
  ['load µs', ({ loadCpuUs }) => figure(loadCpuUs)],
]

const HEAD = COLUMNS.map(([title]) => title)
const rowsOf = (summaries: readonly Summary[]): string[][] =>
  summaries.map((summary) => COLUMNS.map(([, cell]) => cell(summary)))

/** The summaries as a table of Markdown. */
export const markdownOf = (summaries: readonly Summary[]): string => markdownTable(HEAD, rowsOf(summaries))

/** The same for a terminal. */
export const plainOf = (summaries: readonly Summary[]): string => tableOf(HEAD, rowsOf(summaries)).join('\n')

/** The name of the chart of a protocol. */
export const pictureOf = (protocol: Protocol): string => (protocol === 'udp' ? 'peers-cpu.svg' : 'peers-http-cpu.svg')

/** CPU per response by tracker: medians, and the least and most of the rounds. */
export function cpuChart(protocol: Protocol, summaries: readonly Summary[]): Promise<string> {
  return barChart({
    title: `CPU per response, ${protocol.toUpperCase()}`,
    unit: 'µs of CPU per response, all processes: median, least and most of the rounds',
    rows: summaries.map(({ tracker, cpuUs }) => ({
      label: tracker === 'redswarm' ? 'Redswarm, Redis included' : tracker,
      value: cpuUs.median,
      low: Math.min(...cpuUs.rounds),
      high: Math.max(...cpuUs.rounds),
    })),
  })
}

/** What was refused, and what was wrong with replies: a line each. */
export const textLines = (summaries: readonly Summary[]): string[] =>
  summaries.flatMap(({ tracker, texts }) =>
    Object.entries(texts).map(([text, count]) => `${tracker}: ${shown(count)} times "${text}"`),
  )
