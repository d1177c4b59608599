import { printable, shown, shownBytes, tableOf } from '../../../lib/observe/table.ts'
import { type AwayMasters, addressesOf } from '../../../lib/store/away-masters.ts'
import { type Instance, isSilent } from '../../../lib/store/instances.ts'
import { findingLines, troublesText } from '../doctor/finding-text.ts'
import type { TrackerFacts } from '../doctor/tracker-findings.ts'
import { paint } from '../paint.ts'
import { ageText, counted, folded, textOf } from '../text.ts'
import { RATE_KINDS, type RateKind } from './rates.ts'
import type { Status } from './status.ts'

/** A look at a tracker, for people: what is wrong first. */
export function statusText(status: Status): string {
  const { version, redis, prefix, troubles } = status
  const where = printable(`${redis}${prefix === '' ? '' : `, key prefix ${prefix}`}`)
  const isWell = troubles.length === 0
  const head = `  ${paint('bold', 'Redswarm')} on ${where}, seen by version ${version}: `
  return textOf([
    head + (isWell ? paint('green', 'all is well') : paint('red', troublesText(troubles))),
    ...(isWell ? [] : ['', ...findingLines(troubles)]),
    '',
    ...processLines(status),
    '',
    ...totalLines(status),
    '',
    ...rateLines(status),
    '',
    ...serverLines(status),
  ])
}

/** Processes for people, those that are silent marked. */
export function processTable(instances: readonly Instance[], nowS: number): string[] {
  const rows = instances.map((instance) => {
    const { roles, host, pid, version, listens, cpuCores, rssBytes, requestsPerS, at } = instance
    const silent = isSilent(instance, nowS) ? `silent for ${ageText(nowS - at)}` : ''
    const numbers = silent ? ['-', '-', '-'] : [shown(requestsPerS), cpuText(cpuCores), shownBytes(rssBytes)]
    return [roles.join(' '), host, String(pid), version, ...numbers, silent || listens.join(', ')].map(printable)
  })
  return tableOf(['roles', 'host', 'pid', 'version', 'requests/s', 'CPU', 'memory', 'listens'], rows, [0, 1, 7])
}

const cpuText = (cores: number): string => `${(100 * cores).toFixed(1)} %`

function processLines({ facts: { instances, nowS } }: Status): string[] {
  if (instances === 'away') return [`  ${PROCESSES_AWAY}`]
  if (instances.length === 0) return ['  no process has told of itself']
  const [[head = ''] = [], ...rows] = foldedTo(process.stdout.columns, processTable(instances, nowS))
  const painted = rows.flatMap((lines, i) =>
    isSilent(instances[i] as Instance, nowS) ? lines.map((line) => paint('red', line)) : lines,
  )
  return [paint('dim', head), ...painted]
}

/** A narrower column is not read: what is in it goes below its row. */
const LISTENS_WIDTH_MIN = 30
const BELOW = '      '

/** The rows of the table of processes, each in as many lines as it takes on a terminal so wide; as they are where there is none. */
export function foldedTo(columns: number | undefined, [head = '', ...rows]: readonly string[]): string[][] {
  const at = head.indexOf('listens')
  if (columns === undefined) return [head, ...rows].map((row) => [row])
  const isBeside = columns - at >= LISTENS_WIDTH_MIN
  const indent = isBeside ? ' '.repeat(at) : BELOW
  const folds = rows.map((row) => {
    const lines = folded(row.slice(at).split(/(?<=,) /), columns - indent.length).map((line) => indent + line)
    const [first = ''] = lines
    return isBeside ? [row.slice(0, at) + first.slice(at), ...lines.slice(1)] : [row.slice(0, at).trimEnd(), ...lines]
  })
  return [[isBeside ? head : head.slice(0, at).trimEnd()], ...folds]
}

/** What is told in the place of the processes where they cannot be read. */
export const PROCESSES_AWAY = 'processes tell of themselves to a master that is away'

/** What totals are without, for people. */
export const withoutText = (away: AwayMasters): string =>
  `without the swarms of ${printable(addressesOf(away))}, which ${away.all.length === 1 ? 'is' : 'are'} away`

function totalLines({ totals: { torrents, seeders, leechers, completed }, away }: Status): string[] {
  const values = [torrents, seeders, leechers, seeders + leechers, completed].map(shown)
  const [head = '', ...rows] = tableOf(['torrents', 'seeders', 'leechers', 'peers', 'completed'], [values], [])
  return [paint('dim', head), ...rows, ...(away.all.length > 0 ? [paint('red', `  ${withoutText(away)}`)] : [])]
}

function rateLines({ rates, counted: soFar }: Status): string[] {
  const rows = RATE_KINDS.map((kind) => [
    kindText(kind),
    rates === 'away' ? '-' : perS(rates[kind]),
    soFar === 'away' ? '-' : shown(soFar[kind]),
  ])
  const [head = '', ...lines] = tableOf(['requests', 'a second', 'so far'], rows)
  return [paint('dim', head), ...lines]
}

/** A kind of request for people: `UDP announces`. */
export const kindText = (kind: RateKind): string =>
  kind.replace('_', ' ').replace(/^(udp|http)/, (protocol) => protocol.toUpperCase())

/** A rate for people. */
export const perS = (rate: number): string => (rate > 0 && rate < 10 ? rate.toFixed(1) : shown(rate))

function serverLines({ server, masters, away, facts }: Status): string[] {
  const { nowS, sweeper, audit } = facts
  const limit = server.maxBytes === 0 ? 'no limit' : `of ${shownBytes(server.maxBytes)}`
  const aof = server.hasAof ? 'append-only file' : 'no append-only file'
  const name = `${server.kind === 'redis' ? 'Redis' : 'Valkey'} ${server.version}${masters.length > 0 ? `, ${mastersText(masters.length, away.all.length)} of a Cluster` : ''}`
  const replicas = counted(server.replicas.length, 'replica')
  const connections = counted(server.clients, 'connection')
  const memory = `${shownBytes(server.usedBytes)} (${limit})`
  return [
    `  ${printable(name)}: ${[memory, aof, replicas, connections].join(', ')}`,
    `  last sweep: ${sweptText(sweeper, nowS)}`,
    `  last audit: ${auditedText(audit, nowS)}`,
  ]
}

const mastersText = (there: number, away: number): string =>
  away === 0 ? counted(there, 'master') : `${shown(there)} of ${counted(there + away, 'master')}`

const NOT_KNOWN = 'not known, its master is away'

function sweptText(sweeper: TrackerFacts['sweeper'], nowS: number): string {
  if (sweeper === 'away') return NOT_KNOWN
  const { sweptS, holdS } = sweeper
  const hold = holdS && holdS > nowS ? `, eviction waits for ${ageText(holdS - nowS)}` : ''
  return sweptS === undefined ? `none yet${hold}` : `${ageText(nowS - sweptS)} ago${hold}`
}

function auditedText(audit: TrackerFacts['audit'], nowS: number): string {
  if (audit === 'away') return NOT_KNOWN
  if (!audit) return 'none yet'
  return `${ageText(nowS - audit.atS)} ago, drift ${shown(audit.drift)}, repaired ${shown(audit.repaired)}`
}
