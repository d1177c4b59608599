import type { Redis } from 'ioredis'
import { OperatorError } from '../errors.ts'
import type { AwayMasters } from './away-masters.ts'
import { fieldsOf } from './check-server.ts'
import type { RedisClient } from './client.ts'
import { mainThreadCpuUs } from './info.ts'
import { isCluster, nodeName, nodesOf } from './nodes.ts'

/** A replica as its master sees it. */
export type Replica = { address: string; state: string; lagS: number; behindBytes: number }

/** What a Redis or Valkey says of itself by INFO, which a managed one answers too. */
export type ServerFacts = {
  kind: 'redis' | 'valkey'
  version: string
  isReplica: boolean
  isLoading: boolean
  uptimeS: number
  /** Memory that its data takes, and the most that it took. */
  usedBytes: number
  peakBytes: number
  /** 0 where there is no limit. */
  maxBytes: number
  fragmentation: number
  opsPerS: number
  /** CPU time so far of the thread that runs commands, in µs; undefined where it does not say. */
  cpuUs: number | undefined
  hasAof: boolean
  /** Whether each of them went well when it was last done. */
  isAofWritten: boolean
  isAofRewritten: boolean
  isSnapshotSaved: boolean
  /** When the last snapshot was made, seconds since the epoch. */
  snapshotAt: number
  clients: number
  /** 0 where it does not say. */
  clientsMax: number
  rejectedClients: number
  evictedKeys: number
  lastForkUs: number
  replicas: Replica[]
  backlogBytes: number
  /** Bytes that were written for replicas so far. */
  replicatedBytes: number
}

/** The facts in the text that INFO answers. */
export function serverFactsOf(info: string): ServerFacts {
  const fields = fieldsOf(info)
  const number = (name: string): number => Number(fields.get(name) ?? 0) || 0
  const isWell = (name: string): boolean => (fields.get(name) ?? 'ok') === 'ok'
  const kind = fields.has('valkey_version') ? 'valkey' : 'redis'
  const cpuUs = Math.round(mainThreadCpuUs(fields))
  return {
    kind,
    version: fields.get(`${kind}_version`) ?? '0',
    isReplica: fields.get('role') === 'slave',
    isLoading: number('loading') === 1,
    uptimeS: number('uptime_in_seconds'),
    usedBytes: number('used_memory'),
    peakBytes: number('used_memory_peak'),
    maxBytes: number('maxmemory'),
    fragmentation: number('mem_fragmentation_ratio'),
    opsPerS: number('instantaneous_ops_per_sec'),
    cpuUs: Number.isFinite(cpuUs) ? cpuUs : undefined,
    hasAof: number('aof_enabled') === 1,
    isAofWritten: isWell('aof_last_write_status'),
    isAofRewritten: isWell('aof_last_bgrewrite_status'),
    isSnapshotSaved: isWell('rdb_last_bgsave_status'),
    snapshotAt: number('rdb_last_save_time'),
    clients: number('connected_clients'),
    clientsMax: number('maxclients'),
    rejectedClients: number('rejected_connections'),
    evictedKeys: number('evicted_keys'),
    lastForkUs: number('latest_fork_usec'),
    replicas: replicasOf(fields),
    backlogBytes: number('repl_backlog_active') === 1 ? number('repl_backlog_size') : 0,
    replicatedBytes: number('master_repl_offset'),
  }
}

/** `slave0:ip=10.0.0.6,port=6379,state=online,offset=1234,lag=0`. */
function replicasOf(fields: ReadonlyMap<string, string>): Replica[] {
  const offset = Number(fields.get('master_repl_offset') ?? 0)
  return [...fields].flatMap(([name, text]) => {
    if (!/^slave\d+$/.test(name)) return []
    const parts = Object.fromEntries(text.split(',').map((part) => part.split('=', 2)))
    const behindBytes = Math.max(0, offset - Number(parts.offset ?? 0))
    return [{ address: `${parts.ip}:${parts.port}`, state: String(parts.state), lagS: Number(parts.lag), behindBytes }]
  })
}

/** A Redis that swarms are on, with its name where it is one of a Cluster, and what it says of itself. */
export type Server = { name: string; redis: Redis; facts: ServerFacts }

/** Asks each Redis that swarms are on, but for those that are away. */
export async function readServers(redis: RedisClient, away: AwayMasters): Promise<Server[]> {
  const isAway = new Set(away.all.map(({ address }) => address))
  const nodes = nodesOf(redis)
    .all()
    .filter((node) => !isAway.has(nodeName(node)))
  return Promise.all(
    nodes.map(async (node) => ({
      ...{ name: isCluster(redis) ? nodeName(node) : '', redis: node },
      facts: serverFactsOf(await node.info()),
    })),
  )
}

/** What several say as if they were one: sums, and of what is good or bad the worst. */
export function togetherOf(servers: readonly Server[]): ServerFacts {
  const all = servers.map(({ facts }) => facts)
  const [first] = all
  if (!first) throw new OperatorError('no master of the Cluster is known')
  const sumOf = (of: (facts: ServerFacts) => number): number => all.reduce((sum, each) => sum + of(each), 0)
  const cpuUs = sumOf((facts) => facts.cpuUs ?? Number.NaN)
  return {
    ...first,
    isReplica: all.some(({ isReplica }) => isReplica),
    isLoading: all.some(({ isLoading }) => isLoading),
    uptimeS: Math.min(...all.map(({ uptimeS }) => uptimeS)),
    usedBytes: sumOf(({ usedBytes }) => usedBytes),
    peakBytes: sumOf(({ peakBytes }) => peakBytes),
    // Where one has no limit, all together have none.
    maxBytes: all.some(({ maxBytes }) => maxBytes === 0) ? 0 : sumOf(({ maxBytes }) => maxBytes),
    opsPerS: sumOf(({ opsPerS }) => opsPerS),
    cpuUs: Number.isNaN(cpuUs) ? undefined : cpuUs,
    hasAof: all.every(({ hasAof }) => hasAof),
    isAofWritten: all.every(({ isAofWritten }) => isAofWritten),
    isSnapshotSaved: all.every(({ isSnapshotSaved }) => isSnapshotSaved),
    snapshotAt: Math.min(...all.map(({ snapshotAt }) => snapshotAt)),
    clients: sumOf(({ clients }) => clients),
    replicas: all.flatMap(({ replicas }) => replicas),
  }
}
