import { setTimeout as sleep } from 'node:timers/promises'
import { jsonLine } from '../../../lib/observe/table.ts'
import { isSilent } from '../../../lib/store/instances.ts'
import { makeSwarmReader, type Totals } from '../../../lib/store/reader.ts'
import { readServers, type ServerFacts, togetherOf } from '../../../lib/store/server-facts.ts'
import { type Finding, inOrder, isTrouble } from '../doctor/finding.ts'
import { serverFindings } from '../doctor/redis-findings.ts'
import { setFindings } from '../doctor/set-findings.ts'
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
  facts: TrackerFacts
  totals: Totals
  rates: Rates
  counted: Rates
  /** Of all masters together. */
  server: ServerFacts
  /** The names of the masters of a Cluster. */
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
  const before = await readCounters(target)
  const [totals] = await Promise.all([makeSwarmReader(target).totals(), sleep(RATES_OVER_MS)])
  const [now, facts, servers] = await Promise.all([
    readCounters(target),
    readTrackerFacts(target),
    readServers(target.redis),
  ])
  return {
    ...{ version, redis: target.name, prefix: target.keys.prefix, facts, totals, server: togetherOf(servers) },
    masters: servers.flatMap(({ name }) => name || []),
    rates: ratesBetween(before, now),
    counted: countedOf(now.counters),
    troubles: inOrder([
      ...trackerFindings(facts),
      ...servers.flatMap(serverFindings),
      ...(await setFindings(target)),
    ]).filter(isTrouble),
  }
}

function bodyOf({ version, redis, prefix, facts, totals, rates, counted, server, masters, troubles }: Status) {
  const { nowS, instances, sweeper, audit } = facts
  return {
    ...{ version, redis, key_prefix: prefix, at: Math.floor(nowS) },
    problems: troubles.map(({ severity, about, found, todo = null }) => ({ severity, about, found, todo })),
    processes: instances.map((instance) => ({
      roles: instance.roles,
      ...{ host: instance.host, pid: instance.pid, version: instance.version, node: instance.node },
      ...{ listens: instance.listens, started_at: Math.floor(instance.startedAt), told_at: Math.floor(instance.at) },
      silent: isSilent(instance, nowS),
      ...{ cpu_cores: instance.cpuCores, rss_bytes: instance.rssBytes, requests_per_s: instance.requestsPerS },
    })),
    totals,
    rates: Object.fromEntries(Object.entries(rates).map(([kind, perS]) => [`${kind}_per_s`, Number(perS.toFixed(1))])),
    counted,
    server: {
      ...{ kind: server.kind, version: server.version, role: server.isReplica ? 'replica' : 'master' },
      ...{ memory_bytes: server.usedBytes, memory_max_bytes: server.maxBytes || null },
      masters,
      ...{ append_only_file: server.hasAof, replicas: server.replicas.length, connections: server.clients },
    },
    sweeper: { swept_at: sweeper.sweptS ?? null, hold_until: sweeper.holdS ?? null },
    audit: audit
      ? { at: audit.atS, torrents: audit.torrents, peers: audit.peers, drift: audit.drift, repaired: audit.repaired }
      : null,
  }
}
