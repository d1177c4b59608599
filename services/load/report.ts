import { shown, tableOf } from '../../lib/observe/table.ts'
import { type CpuSeconds, cpuUsPerResponse } from './cpu.ts'
import type { LatencyMs } from './histogram.ts'
import type { LoadOptions } from './options.ts'
import { responsesOf, type Tally } from './tally.ts'

/** What a load saw, as `--json` prints it. */
export type LoadReport = {
  url: string
  seconds: number
  /** Whether it ended early since nothing came any more. */
  fellSilent: boolean
  responses: number
  responsesPerS: number
  peersPerAnnounce: number
  latencyMs: LatencyMs
  /** By the names of `--pid`; null where the process was gone, or nothing was answered. */
  cpuUsPerResponse: Record<string, number | null>
  loadCpuUsPerResponse: number | null
  /** `missing`: peers that could not be announced. */
  fill: { announces: number; missing: number; seconds: number; errors: number; lost: number } | null
} & Omit<Tally, 'peersTold'>

/** What was measured, of all processes together. */
export type Measured = {
  url: string
  tally: Tally
  seconds: number
  fellSilent: boolean
  latencyMs: LatencyMs
  loadCpuUs: number
  cpuBefore: CpuSeconds
  cpuAfter: CpuSeconds
  fill: LoadReport['fill']
}

/** Makes the report of what was measured. */
export function reportOf({
  url,
  tally,
  seconds,
  fellSilent,
  latencyMs,
  loadCpuUs,
  cpuBefore,
  cpuAfter,
  fill,
}: Measured): LoadReport {
  const responses = responsesOf(tally)
  const { peersTold, ...counts } = tally
  return {
    url,
    seconds,
    fellSilent,
    responses,
    responsesPerS: seconds > 0 ? responses / seconds : 0,
    ...counts,
    peersPerAnnounce: tally.announces > 0 ? peersTold / tally.announces : 0,
    latencyMs,
    cpuUsPerResponse: cpuUsPerResponse(cpuBefore, cpuAfter, responses),
    loadCpuUsPerResponse: responses > 0 ? loadCpuUs / responses : null,
    fill,
  }
}

/** How the command ends: answers came to the end and none was wrong, or not. */
export const exitCodeOf = ({ responses, errors, wrong, fellSilent }: LoadReport): number =>
  responses > errors && wrong === 0 && !fellSilent ? 0 : 1

/** How a text looks on a terminal: as it is, where there is none. */
export type Paint = (style: 'red' | 'green' | 'yellow' | 'dim' | 'bold', text: string) => string

type Row = [name: string, ...cells: string[]]

/** A report for people. */
export function reportText(report: LoadReport, options: LoadOptions, paint: Paint): string {
  const { fill } = report
  const loop = options.rate === undefined ? 'closed loop' : `open loop at ${shown(options.rate)}/s`
  const lines = [
    '',
    `  ${paint('bold', report.url)}  ${loop}, ${report.seconds.toFixed(1)} s, ${shown(options.outstanding)} under way at most`,
  ]
  if (fill) {
    const counts = { errors: fill.errors, lost: fill.lost, missing: fill.missing }
    const bad = Object.entries(counts).map(([name, count]) => (count > 0 ? `, ${shown(count)} ${name}` : ''))
    lines.push(
      paint('dim', `  filled before: ${shown(fill.announces)} peers in ${fill.seconds.toFixed(1)} s${bad.join('')}`),
    )
  }
  lines.push('', ...countLines(report, paint), '', ...latencyLines(report, paint), '', ...cpuLines(report, paint), '')
  return lines.join('\n')
}

function countLines(report: LoadReport, paint: Paint): string[] {
  const perS = (count: number) => (report.seconds > 0 ? shown(count / report.seconds) : '0')
  const good: [Row, ...Row[]] = [
    ['', 'count', 'per second'],
    ['responses', shown(report.responses), shown(report.responsesPerS)],
    ['connects', shown(report.connects), perS(report.connects)],
    ['announces', shown(report.announces), perS(report.announces)],
    ['scrapes', shown(report.scrapes), perS(report.scrapes)],
    ['errors', shown(report.errors), perS(report.errors)],
    ['lost', shown(report.lost), perS(report.lost)],
    ['wrong', shown(report.wrong), perS(report.wrong)],
  ]
  if (report.overlong > 0) good.push(['overlong', shown(report.overlong), perS(report.overlong)])
  if (report.uncounted > 0) good.push(['uncounted', shown(report.uncounted), perS(report.uncounted)])
  if (report.emptyScrapes > 0) good.push(['empty scrapes', shown(report.emptyScrapes), perS(report.emptyScrapes)])
  if (report.unsent > 0) good.push(['unsent', shown(report.unsent), perS(report.unsent)])
  good.push(['peers per announce', report.peersPerAnnounce.toFixed(1), ''])
  const isBad: Record<string, number> = { errors: report.errors, lost: report.lost, wrong: report.wrong }
  const lines = aligned(good).map((line, i) => {
    if (i === 0) return paint('dim', line)
    return (isBad[good[i]?.[0] ?? ''] ?? 0) > 0 ? paint('red', line) : line
  })
  const texts = [...Object.entries(report.wrongAnswers), ...Object.entries(report.errorTexts)]
  return [...lines, ...texts.map(([text, count]) => paint('red', `    ${shown(count)} × ${text}`))]
}

function latencyLines({ latencyMs: { p50, p90, p99, p999, max } }: LoadReport, paint: Paint): string[] {
  const rows: [Row, ...Row[]] = [
    ['latency', 'p50', 'p90', 'p99', 'p99.9', 'max'],
    ['ms', ...[p50, p90, p99, p999, max].map((ms) => ms.toFixed(2))],
  ]
  return aligned(rows).map((line, i) => (i === 0 ? paint('dim', line) : line))
}

function cpuLines(report: LoadReport, paint: Paint): string[] {
  const used = { ...report.cpuUsPerResponse, 'the load itself': report.loadCpuUsPerResponse }
  const rows: Row[] = Object.entries(used).map(([name, us]) => [name, us === null ? 'gone' : us.toFixed(1)])
  return aligned([['CPU', 'µs per response'], ...rows]).map((line, i) => (i === 0 ? paint('dim', line) : line))
}

/** Rows whose columns line up; the first is their head. Names are as wide in one table as in the next. */
const aligned = ([[name, ...head], ...rows]: readonly [Row, ...Row[]]): string[] =>
  tableOf([name.padEnd(NAME_WIDTH), ...head], rows)

const NAME_WIDTH = 'peers per announce'.length
