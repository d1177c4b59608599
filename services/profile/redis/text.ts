import { fixed, percent, shown, shownBytes, tableOf } from '../../../lib/observe/table.ts'
import type { RedisCosts } from './measure.ts'
import { ENTRY_BYTES, type MemoryReport } from './memory.ts'
import { isNamed, perfStages } from './perf-stages.ts'
import type { RedisReport } from './report.ts'
import { type CountedRun, callsPerAnnounce, compareCounts, countsProblem } from './run.ts'
import type { SlowCall } from './slowlog.ts'
import type { CommandLatency } from './stats.ts'

const SLOW_SHOWN_MAX = 8
const BAR_CHARS = 40

/** A profile as text, for the terminal and `redis.txt`. */
export function reportText(report: RedisReport): string {
  const { costs, memory, withoutAof, counts } = report
  const parts = [
    [`  ${report.title}`],
    timeLines(report),
    commandLines(costs),
    latencyLines(costs.latencies),
    slowLines(costs),
    aofLines(report, withoutAof),
    ...(counts ? [countLines(counts)] : []),
    memoryLines(memory),
    report.notes.map((note) => `  ${note}`),
  ]
  return `\n${parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`
}

const isScriptCall = (command: string): boolean => command === 'FCALL'

/** The time of the main thread by what it is spent on: by perf's samples, else by Redis's own clock. */
function timeLines({ costs, perf }: RedisReport): string[] {
  const { mainThreadUs, otherThreadsUs, announces, seconds } = costs
  const row = (name: string, us: number) => [name, fixed(us / announces), percent(us / mainThreadUs)]
  const isByPerf = typeof perf !== 'string' && isNamed(perf)
  const rows = isByPerf
    ? perfStages(perf).map(({ stage, share }) => row(stage, share * mainThreadUs))
    : clockRows(costs).map(([name, us]) => row(name, us))
  return [
    ...tableOf(
      [`where the time goes, by ${isByPerf ? 'perf' : 'the clock'}`, 'µs per announce', 'of main thread'],
      [...rows, row('main thread', mainThreadUs), row('other threads: AOF to disk', otherThreadsUs)],
    ),
    `  The main thread was at work ${percent(mainThreadUs / 1e6 / seconds)} of the time.`,
  ]
}

/** Redis times commands by the clock: where it had to wait for a processor meanwhile, they seem to take more than it used. */
function clockRows({ commands, mainThreadUs }: RedisCosts): [name: string, us: number][] {
  const sum = (scripts: boolean) =>
    commands.filter(({ command }) => isScriptCall(command) === scripts).reduce((total, { us }) => total + us, 0)
  const [inScripts, inCommands] = [sum(true), sum(false)]
  const rows: [string, number][] = [
    ['commands that scripts call', inCommands],
    ['Lua, and its way to commands and back', inScripts - inCommands],
  ]
  return inScripts < mainThreadUs
    ? [...rows, ['outside of scripts: read, reply, AOF', mainThreadUs - inScripts]]
    : [...rows, ['outside of scripts: not to be told, the machine is busy', 0]]
}

function commandLines({ commands, announces, mainThreadUs }: RedisCosts): string[] {
  const rows = tableOf(
    ['command, by the clock', 'calls per announce', 'µs per call', 'µs per announce', 'failed'],
    commands
      .filter(({ us }) => us / mainThreadUs >= 0.0005)
      .map(({ command, calls, us, failed }) => [
        command,
        fixed(calls / announces, 3),
        fixed(us / calls),
        fixed(us / announces),
        shown(failed),
      ]),
  )
  return [
    ...rows,
    '  FCALL holds the others. Where the machine is busy, these times have waiting for a processor in them.',
  ]
}

function latencyLines(latencies: readonly CommandLatency[]): string[] {
  const rows = latencies
    .filter(({ calls }) => calls >= 10)
    .map(({ command, calls, p50Us, p99Us, p999Us }) => [
      command,
      shown(calls),
      ...[p50Us, p99Us, p999Us].map((us) => fixed(us, 1)),
    ])
  const scripts = latencies.find(({ command }) => command === 'FCALL')
  return [
    ...tableOf(['latency, µs', 'calls', 'p50', 'p99', 'p99.9'], rows),
    ...(scripts ? ['', '  FCALL: calls by how long they took', ...histogramLines(scripts)] : []),
  ]
}

function histogramLines({ histogram }: CommandLatency): string[] {
  const most = Math.max(...histogram.map(([, calls]) => calls))
  return tableOf(
    ['up to µs', 'calls', ''],
    histogram.map(([upToUs, calls]) => [
      shown(upToUs),
      shown(calls),
      '█'.repeat(Math.ceil((BAR_CHARS * calls) / most)),
    ]),
    [2],
  )
}

function slowLines({ slow, slowerThanUs }: RedisCosts): string[] {
  const head = `  slow log: ${shown(slow.length)} calls took longer than ${fixed(slowerThanUs / 1000, 1)} ms`
  return slow.length === 0 ? [head] : [head, ...slowTable(slow.slice(0, SLOW_SHOWN_MAX))]
}

const slowTable = (slow: readonly SlowCall[]): string[] =>
  tableOf(
    ['µs', 'call'],
    slow.map(({ us, what }) => [shown(us), what]),
    [1],
  )

/** The whole slow log, the slowest first: `slowlog.txt`. */
export const slowLogText = ({ slow, slowerThanUs }: RedisCosts): string =>
  `${[`  calls of ${shown(slowerThanUs)} µs or more`, ...slowTable(slow)].join('\n')}\n`

function aofLines(report: RedisReport, withoutAof: RedisCosts | undefined): string[] {
  const { costs } = report
  if (!costs.aof.isOn) return ['  AOF: off']
  const own = costs.mainThreadUs / costs.announces
  const without = withoutAof && withoutAof.mainThreadUs / withoutAof.announces
  return [
    `  AOF: ${shownBytes(costs.aof.bytes / costs.announces)} per announce, ${fixed(costs.aof.bytes / costs.seconds / 1e6)} MB/s, ${shown(costs.aof.delayedFsyncs)} writes waited for the disk`,
    ...(without === undefined
      ? []
      : [
          `  the same load right after, without the AOF: ${fixed(without)} µs per announce instead of ${fixed(own)}${own > without ? '' : '; the machine was too busy to tell a difference'}`,
        ]),
  ]
}

function countLines(counts: CountedRun): string[] {
  const calls = callsPerAnnounce(counts)
  const kinds = [...new Set(calls.map(({ kind }) => kind))]
  const commands = [...new Set(calls.map(({ command }) => command))]
  const sum = (of: typeof calls) => of.reduce((total, { perAnnounce }) => total + perAnnounce, 0)
  const cells = (of: typeof calls) => [
    ...kinds.map((kind) => {
      const value = sum(of.filter((each) => each.kind === kind))
      return value === 0 ? '' : fixed(value, 3)
    }),
    fixed(sum(of), 3),
  ]
  const rows = commands.map((command) => [command, ...cells(calls.filter((each) => each.command === command))])
  const most = Math.max(0, ...compareCounts(counts).map(({ counted, byRedis }) => byRedis - counted))
  const more = most === 0 ? 'as many of each' : `up to ${shown(most)} more of a command: those of the other scripts`
  return [
    ...tableOf(['calls per announce, by key', ...kinds, 'all'], [...rows, ['all', ...cells(calls)]]),
    `  Counted by the instrumented script in ${shown(counts.announces)} announces, ${fixed(counts.announces / counts.calls, 1)} a call.`,
    `  ${countsProblem(counts) ?? `Redis counted ${more}`}.`,
  ]
}

function memoryLines({ kinds, kindBytes, keys, datasetBytes, overheadBytes, usedBytes }: MemoryReport): string[] {
  const rows = kinds.map((each) => [
    each.kind,
    shown(each.keys),
    shownBytes(each.bytes),
    each.errorBytes === 0 ? 'exact' : `± ${shownBytes(each.errorBytes)}`,
    shown(each.bytes / each.keys),
    percent(each.bytes / kindBytes),
    Object.entries(each.encodings)
      .map(([encoding, seen]) => (seen === each.sampled ? encoding : `${encoding} ${percent(seen / each.sampled)}`))
      .join(', '),
  ])
  const entries = keys * ENTRY_BYTES
  return [
    ...tableOf(
      ['memory, by kind of key', 'keys', 'in all', 'within', 'B a key', 'share', 'encoding'],
      [...rows, ['all', shown(keys), shownBytes(kindBytes), '', '', '', '']],
      [0, 6],
    ),
    `  Redis says ${shownBytes(usedBytes)} used: data ${shownBytes(datasetBytes)} and, beside them, ${shownBytes(overheadBytes)}, of which ${shownBytes(entries)} are entries of keys, in the table above too.`,
  ]
}
