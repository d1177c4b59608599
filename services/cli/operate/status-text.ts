import { printable, shown, shownBytes, tableOf } from '../../../lib/observe/table.ts'
import { type Instance, isSilent } from '../../../lib/store/instances.ts'
import { findingLines, troublesText } from '../doctor/finding-text.ts'
import { paint } from '../paint.ts'
import { ageText, counted, textOf } from '../text.ts'
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
  if (instances.length === 0) return ['  no process has told of itself']
  const [head = '', ...rows] = processTable(instances, nowS)
  const painted = rows.map((row, i) => (isSilent(instances[i] as Instance, nowS) ? paint('red', row) : row))
  return [paint('dim', head), ...painted]
}

function totalLines({ totals: { torrents, seeders, leechers, completed } }: Status): string[] {
  const values = [torrents, seeders, leechers, seeders + leechers, completed].map(shown)
  const [head = '', ...rows] = tableOf(['torrents', 'seeders', 'leechers', 'peers', 'completed'], [values], [])
  return [paint('dim', head), ...rows]
}

function rateLines({ rates, counted: soFar }: Status): string[] {
  const rows = RATE_KINDS.map((kind) => [kindText(kind), perS(rates[kind]), shown(soFar[kind])])
  const [head = '', ...lines] = tableOf(['requests', 'a second', 'so far'], rows)
  return [paint('dim', head), ...lines]
}

/** A kind of request for people: `UDP announces`. */
export const kindText = (kind: RateKind): string =>
  kind.replace('_', ' ').replace(/^(udp|http)/, (protocol) => protocol.toUpperCase())

/** A rate for people. */
export const perS = (rate: number): string => (rate > 0 && rate < 10 ? rate.toFixed(1) : shown(rate))

function serverLines({ server, masters, facts }: Status): string[] {
  const { nowS, sweeper, audit } = facts
  const limit = server.maxBytes === 0 ? 'no limit' : `of ${shownBytes(server.maxBytes)}`
  const aof = server.hasAof ? 'append-only file' : 'no append-only file'
  const name = `${server.kind === 'redis' ? 'Redis' : 'Valkey'} ${server.version}${masters.length > 0 ? `, ${counted(masters.length, 'master')} of a Cluster` : ''}`
  const replicas = counted(server.replicas.length, 'replica')
  const connections = counted(server.clients, 'connection')
  const memory = `${shownBytes(server.usedBytes)} (${limit})`
  const swept = sweeper.sweptS === undefined ? 'none yet' : `${ageText(nowS - sweeper.sweptS)} ago`
  const hold = sweeper.holdS && sweeper.holdS > nowS ? `, eviction waits for ${ageText(sweeper.holdS - nowS)}` : ''
  const audited = audit
    ? `${ageText(nowS - audit.atS)} ago, drift ${shown(audit.drift)}, repaired ${shown(audit.repaired)}`
    : 'none yet'
  return [
    `  ${printable(name)}: ${[memory, aof, replicas, connections].join(', ')}`,
    `  last sweep: ${swept}${hold}`,
    `  last audit: ${audited}`,
  ]
}
