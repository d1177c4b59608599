import { setTimeout as sleep } from 'node:timers/promises'
import { jsonLine } from '../../../lib/observe/table.ts'
import { type AwayMasters, findAwayOfSome, orNull, type Part } from '../../../lib/store/away-masters.ts'
import { isSilent } from '../../../lib/store/instances.ts'
import { makeSwarmReader, type Totals } from '../../../lib/store/reader.ts'
import { readServers, type ServerFacts, togetherOf } from '../../../lib/store/server-facts.ts'
import { type Finding, inOrder, isTrouble } from '../doctor/finding.ts'
import { serverFindings } from '../doctor/redis-findings.ts'
import { awayFindings, setFindings } from '../doctor/set-findings.ts'
import { type TrackerFacts, trackerFindings } from '../doctor/tracker-findings.ts'
import type { Outside } from '../outside.ts'
import { EXIT, print, runOnRedis, type Target } from '../redis.ts'
import { countedOf, type Rates, ratesBetween } from './rates.ts'
import { readCounters, readTrackerFacts } from './state.ts'
import { statusText } from './status-text.ts'

/** Frontends flush what they counted every second: over two, a rate is that of two or three flushes. */
const RATES_OVER_MS = 2000

/** All that one look at a tracker tells. */
export type Status = {
  /** Of the program that looks. */
  version: string
  redis: string
  prefix: string
  /** The masters of a Cluster that are away: what follows is of the others. */
  away: AwayMasters
  facts: TrackerFacts
  totals: Totals
  rates: Part<Rates>
  counted: Part<Rates>
  /** Of all masters together. */
  server: ServerFacts
  /** The names of the masters of a Cluster that are there. */
  masters: string[]
  /** What is wrong, the worst first. */
  troubles: Finding[]
}

/** Prints one screen on a tracker; answers the exit code. */
export const printStatus = ({ version }: Outside, { json = false }: { json?: boolean }): Promise<number> =>
  runOnRedis('read', async (target) => {
    const status = await readStatus(target, version)
    await print(json ? jsonLine(bodyOf(status)) : statusText(status))
    return EXIT.done
  })

async function readStatus(target: Target, version: string): Promise<Status> {
  const away = await findAwayOfSome(target.redis, target.keys)
  const before = await readCounters(target, away)
  const [totals] = await Promise.all([makeSwarmReader(target).totals(away), sleep(RATES_OVER_MS)])
  const [now, facts, servers] = await Promise.all([
    readCounters(target, away),
    readTrackerFacts(target, away),
    readServers(target.redis, away),
  ])
  return {
    ...{ version, redis: target.name, prefix: target.keys.prefix, away, facts, totals },
    server: togetherOf(servers),
    masters: servers.flatMap(({ name }) => name || []),
    rates: before === 'away' || now === 'away' ? 'away' : ratesBetween(before, now),
    counted: now === 'away' ? 'away' : countedOf(now.counters),
    troubles: inOrder([
      ...awayFindings(away),
      ...trackerFindings(facts),
      ...servers.flatMap(serverFindings),
      ...(await setFindings(target)),
    ]).filter(isTrouble),
  }
}

function bodyOf({ version, redis, prefix, away, facts, totals, rates, counted, server, masters, troubles }: Status) {
  const { nowS, instances, sweeper, audit } = facts
  return {
    ...{ version, redis, key_prefix: prefix, at: Math.floor(nowS) },
    problems: troubles.map(({ severity, about, found, todo = null }) => ({ severity, about, found, todo })),
    masters_away: away.all,
    processes: orNull(instances, (all) =>
      all.map((instance) => ({
        roles: instance.roles,
        ...{ host: instance.host, pid: instance.pid, version: instance.version, node: instance.node },
        ...{ listens: instance.listens, started_at: Math.floor(instance.startedAt), told_at: Math.floor(instance.at) },
        silent: isSilent(instance, nowS),
        ...{ cpu_cores: instance.cpuCores, rss_bytes: instance.rssBytes, requests_per_s: instance.requestsPerS },
      })),
    ),
    totals: { ...totals, whole: away.all.length === 0 },
    rates: orNull(rates, (each) =>
      Object.fromEntries(Object.entries(each).map(([kind, perS]) => [`${kind}_per_s`, Number(perS.toFixed(1))])),
    ),
    counted: orNull(counted, (each) => each),
    server: {
      ...{ kind: server.kind, version: server.version, role: server.isReplica ? 'replica' : 'master' },
      ...{ memory_bytes: server.usedBytes, memory_max_bytes: server.maxBytes || null },
      masters,
      ...{ append_only_file: server.hasAof, replicas: server.replicas.length, connections: server.clients },
    },
    sweeper: orNull(sweeper, ({ sweptS = null, holdS = null }) => ({ swept_at: sweptS, hold_until: holdS })),
    audit: orNull(audit, (last) =>
      last
        ? { at: last.atS, torrents: last.torrents, peers: last.peers, drift: last.drift, repaired: last.repaired }
        : null,
    ),
  }
}
