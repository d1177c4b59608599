import { shown } from '../../../lib/observe/table.ts'
import type { AuditResult } from '../../../lib/store/audit/result.ts'
import type { Part } from '../../../lib/store/away-masters.ts'
import { type Instance, isSilent } from '../../../lib/store/instances.ts'
import { isOverdue, type SweeperState } from '../../../lib/store/sweep.ts'
import { ageText } from '../text.ts'
import { type Finding, foundIf } from './finding.ts'

/** What the processes of a tracker have left in Redis. */
export type TrackerFacts = {
  nowS: number
  instances: Part<readonly Instance[]>
  sweeper: Part<SweeperState>
  sweepIntervalS: number
  audit: Part<AuditResult | undefined>
}

/** What is wrong with the processes of a tracker, and what is fine. */
export function trackerFindings(facts: TrackerFacts): Finding[] {
  const { instances, nowS } = facts
  if (instances === 'away') return [notRead('processes'), ...sweepFindings(facts), ...auditFindings(facts)]
  const live = instances.filter((instance) => !isSilent(instance, nowS))
  if (live.length === 0) return [...silentFindings(instances, nowS), NOBODY, ...auditFindings(facts)]
  return [
    ...silentFindings(instances, nowS),
    ...processFindings(live),
    ...versionFindings(live),
    ...sweepFindings(facts),
    ...auditFindings(facts),
  ]
}

/** What could not be looked at, since its master is away. */
export const notRead = (about: string): Finding => ({
  ...{ severity: 'unknown', about },
  found: 'what tells of it is on a master that is away',
})

const NOBODY: Finding = {
  severity: 'warning',
  about: 'processes',
  found: 'no process of a tracker is at work on this Redis',
  todo: 'start one (npm start, or redswarm udp, http, api, sweeper); is REDSWARM_KEY_PREFIX that of the tracker?',
}

const silentFindings = (instances: readonly Instance[], nowS: number): Finding[] =>
  instances
    .filter((instance) => isSilent(instance, nowS))
    .map(({ roles, host, pid, at }) => ({
      severity: 'warning',
      about: 'processes',
      found: `${roles.join(', ')} on ${host} (pid ${pid}) has said nothing for ${ageText(nowS - at)}`,
      todo: 'it was killed, hangs, or Redis is away or takes nothing (full, a replica): look at its log; it is forgotten after 5 minutes',
    }))

/** Above that, an operator has some time left to make room. */
const TORRENTS_SHARE_WARN = 0.9

/** How near a tracker is to as many torrents as it takes; 0: it takes any number. */
export function torrentsFindings(torrents: number, max: number): Finding[] {
  if (max === 0) return [{ severity: 'fine', about: 'torrents', found: `${shown(torrents)}, and there is no limit` }]
  const found = `${shown(torrents)} of ${shown(max)} torrents are there, ${Math.floor((100 * torrents) / max)} %`
  const isFull = torrents >= max
  const todo = `${isFull ? 'new ones are refused' : 'when all are, new ones are refused'}: raise REDSWARM_TORRENTS_MAX if Redis has memory for more (\`redswarm plan\`)`
  return [
    foundIf(
      torrents >= TORRENTS_SHARE_WARN * max,
      { severity: isFull ? 'critical' : 'warning', about: 'torrents', found, todo },
      found,
    ),
  ]
}

function processFindings(live: readonly Instance[]): Finding[] {
  const roles = new Set(live.flatMap((instance) => instance.roles))
  const told: Finding = { severity: 'fine', about: 'processes', found: `${shown(live.length)} at work` }
  if (roles.has('sweeper')) return [told]
  const todo = 'run `redswarm sweeper`, one at least'
  return [{ severity: 'warning', about: 'sweeper', found: 'no sweeper runs, so that no peer ever leaves', todo }]
}

function versionFindings(live: readonly Instance[]): Finding[] {
  const listOf = (values: readonly string[]): string[] => [...new Set(values)].sort()
  const versions = listOf(live.map(({ version }) => version))
  const nodes = listOf(live.map(({ node }) => node))
  return [
    foundIf(
      versions.length > 1,
      {
        severity: 'warning',
        about: 'versions',
        found: `Redswarm ${versions.join(' and ')} run at once`,
        todo: 'that is for an upgrade, not to stay: restart the older ones',
      },
      `Redswarm ${versions.join()} everywhere`,
    ),
    foundIf(
      nodes.length > 1,
      { severity: 'note', about: 'Node', found: `Node ${nodes.join(' and ')} run at once` },
      `Node ${nodes.join()} everywhere`,
    ),
  ]
}

function sweepFindings({ nowS, sweeper, sweepIntervalS }: TrackerFacts): Finding[] {
  if (sweeper === 'away') return [notRead('sweeps')]
  const { sweptS, holdS } = sweeper
  const age = sweptS === undefined ? 'there was none yet' : `the last was ${ageText(nowS - sweptS)} ago`
  const sweep = foundIf(
    isOverdue(sweptS, nowS, sweepIntervalS),
    {
      severity: 'critical',
      about: 'sweeps',
      found: `sweeps are overdue: ${age}, and one is due every ${sweepIntervalS} s`,
      todo: 'peers that are gone are still told to others: look at the log of the sweeper',
    },
    age,
  )
  if (holdS === undefined || holdS <= nowS) return [sweep]
  const found = `eviction waits for another ${ageText(holdS - nowS)} after an outage, so that clients can be heard first`
  return [sweep, { severity: 'note', about: 'sweeps', found }]
}

function auditFindings({ nowS, audit }: TrackerFacts): Finding[] {
  if (audit === 'away') return [notRead('audits')]
  const run = 'run `redswarm audit`'
  if (!audit) return [{ severity: 'note', about: 'audit', found: 'there was no audit yet', todo: run }]
  const left = audit.drift - audit.repaired
  const when = `the last audit, ${ageText(nowS - audit.atS)} ago,`
  return [
    foundIf(
      left > 0,
      {
        severity: 'warning',
        about: 'audit',
        found: `${when} found a drift of ${shown(audit.drift)}, of which ${shown(audit.repaired)} are repaired`,
        todo: 'run `redswarm audit --repair` (docs/audit.md)',
      },
      `${when} left nothing wrong among ${shown(audit.torrents)} torrents`,
    ),
  ]
}
