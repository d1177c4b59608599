import { fieldsOf } from './check-server.ts'
import type { RedisClient } from './client.ts'
import { mainThreadCpuUs } from './info.ts'
import { nodesOf } from './nodes.ts'

/**
 * How a Redis is, by what it says of itself; the masters of a Cluster as if they were one. What it does not say is undefined.
 */
export type RedisHealth = {
  kind: 'redis' | 'valkey'
  version: string
  role: 'master' | 'replica'
  /** Those that swarms are on: more than one in a Cluster. */
  masters: number
  uptimeS: number
  /** Memory that its data takes, the most that it took, and the limit; undefined where there is none. */
  usedBytes: number
  peakBytes: number
  maxBytes: number | undefined
  clients: number
  replicas: number
  opsPerS: number
  /** CPU time so far of the thread that runs commands, in µs. */
  cpuUs: number | undefined
  isLoading: boolean
  /** Whether each write goes to the append-only file, and whether the last ones did. */
  hasAof: boolean
  isAofWell: boolean
  /** When the last snapshot was made, seconds since the epoch, and whether that went well. */
  snapshotAt: number
  isSnapshotWell: boolean
}

/** Asks a Redis how it is, or each master of a Cluster: 0.1 ms of its time. */
export async function readRedisHealth(redis: RedisClient): Promise<RedisHealth> {
  const all = await Promise.all(
    nodesOf(redis)
      .all()
      .map(async (node) => healthOf(fieldsOf(await node.info()))),
  )
  const [first] = all
  if (!first) throw new Error('no master of the Cluster is known')
  return all.length === 1 ? first : togetherOf(first, all)
}

/** Sums; of what is good or bad, the worst. */
function togetherOf(first: RedisHealth, all: readonly RedisHealth[]): RedisHealth {
  const sumOf = (of: (health: RedisHealth) => number | undefined): number =>
    all.reduce((sum, each) => sum + (of(each) ?? Number.NaN), 0)
  const orNone = (sum: number): number | undefined => (Number.isNaN(sum) ? undefined : sum)
  return {
    ...{ kind: first.kind, version: first.version, masters: all.length },
    role: all.some(({ role }) => role === 'replica') ? 'replica' : 'master',
    uptimeS: Math.min(...all.map(({ uptimeS }) => uptimeS)),
    usedBytes: sumOf(({ usedBytes }) => usedBytes),
    peakBytes: sumOf(({ peakBytes }) => peakBytes),
    // Where one has no limit, all together have none.
    maxBytes: orNone(sumOf(({ maxBytes }) => maxBytes)),
    clients: sumOf(({ clients }) => clients),
    replicas: sumOf(({ replicas }) => replicas),
    opsPerS: sumOf(({ opsPerS }) => opsPerS),
    cpuUs: orNone(sumOf(({ cpuUs }) => cpuUs)),
    isLoading: all.some(({ isLoading }) => isLoading),
    hasAof: all.every(({ hasAof }) => hasAof),
    isAofWell: all.every(({ isAofWell }) => isAofWell),
    snapshotAt: Math.min(...all.map(({ snapshotAt }) => snapshotAt)),
    isSnapshotWell: all.every(({ isSnapshotWell }) => isSnapshotWell),
  }
}

function healthOf(info: ReadonlyMap<string, string>): RedisHealth {
  const kind = info.has('valkey_version') ? 'valkey' : 'redis'
  const numberOf = (name: string): number => Number(info.get(name) ?? 0) || 0
  const cpuUs = Math.round(mainThreadCpuUs(info))
  return {
    kind,
    version: info.get(`${kind}_version`) ?? 'unknown',
    role: info.get('role') === 'slave' ? 'replica' : 'master',
    masters: 1,
    uptimeS: numberOf('uptime_in_seconds'),
    usedBytes: numberOf('used_memory'),
    peakBytes: numberOf('used_memory_peak'),
    maxBytes: numberOf('maxmemory') || undefined,
    clients: numberOf('connected_clients'),
    replicas: numberOf('connected_slaves'),
    opsPerS: numberOf('instantaneous_ops_per_sec'),
    cpuUs: Number.isFinite(cpuUs) ? cpuUs : undefined,
    isLoading: info.get('loading') === '1',
    hasAof: info.get('aof_enabled') === '1',
    isAofWell: info.get('aof_last_write_status') !== 'err',
    snapshotAt: numberOf('rdb_last_save_time'),
    isSnapshotWell: info.get('rdb_last_bgsave_status') !== 'err',
  }
}
