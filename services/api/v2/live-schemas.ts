import Type, { type Static } from 'typebox'
import { COUNTER_NAMES } from '../../../lib/observe/counters.ts'
import type { AwayMaster } from '../../../lib/store/away-masters.ts'
import { type Server, togetherOf } from '../../../lib/store/server-facts.ts'
import { InstanceItem } from './instances.ts'
import { EventItem } from './recent-events.ts'
import { Nullable } from './schemas.ts'
import { TotalsItem } from './stats.ts'

const Seconds = (description: string) => Type.Integer({ description: `${description}; seconds since the epoch.` })

const RedisItem = Type.Object({
  kind: Type.Union([Type.Literal('redis'), Type.Literal('valkey')]),
  version: Type.String(),
  role: Type.Union([Type.Literal('master'), Type.Literal('replica')]),
  masters: Type.Integer({
    description: 'Those that serve, of a Cluster: what follows is of all of them together, or the worst of them.',
  }),
  masters_away: Type.Array(
    Type.Object({
      address: Type.String(),
      cause: Type.String({ description: 'As announces of its swarms are refused: `failing_over`, `slow`, `loading`.' }),
      reason: Type.String(),
    }),
    { description: 'Those of a Cluster that do not serve.' },
  ),
  uptime_s: Type.Integer(),
  used_bytes: Type.Integer(),
  peak_bytes: Type.Integer(),
  max_bytes: Nullable(Type.Integer({ description: 'Null where memory has no limit.' })),
  clients: Type.Integer(),
  replicas: Type.Integer(),
  ops_per_s: Type.Integer(),
  cpu_cores: Nullable(
    Type.Number({ description: 'CPU of the threads that run commands, one on each master, of the last seconds.' }),
  ),
  is_loading: Type.Boolean(),
  has_aof: Type.Boolean({ description: 'Whether each write goes to the append-only file.' }),
  is_aof_well: Type.Boolean(),
  snapshot_at: Seconds('When the last snapshot of the data was made'),
  is_snapshot_well: Type.Boolean(),
})

/** How Redis is, as it is answered. */
export function redisBody(
  servers: readonly Server[],
  away: readonly AwayMaster[],
  cpuCores: number | undefined,
): Static<typeof RedisItem> {
  const facts = togetherOf(servers)
  return {
    ...{ kind: facts.kind, version: facts.version, role: facts.isReplica ? 'replica' : 'master' },
    ...{ masters: servers.length, masters_away: [...away], uptime_s: facts.uptimeS },
    ...{ used_bytes: facts.usedBytes, peak_bytes: facts.peakBytes, max_bytes: facts.maxBytes || null },
    ...{ clients: facts.clients, replicas: facts.replicas.length },
    ...{ ops_per_s: facts.opsPerS, cpu_cores: cpuCores ?? null },
    ...{ is_loading: facts.isLoading, has_aof: facts.hasAof, is_aof_well: facts.isAofWritten },
    ...{ snapshot_at: facts.snapshotAt, is_snapshot_well: facts.isSnapshotSaved },
  }
}

const RatesItem = Type.Object(Object.fromEntries(COUNTER_NAMES.map((name) => [name, Type.Number()])), {
  description: 'Each counter of `/api/v2/stats`, a second, over the last seconds.',
})

/** What a reader is told each second. What could not be read is null. */
export const SnapshotItem = Type.Object({
  at: Type.Integer({ description: "By Redis's clock; milliseconds since the epoch." }),
  problem: Nullable(Type.String({ description: 'Why something is null, in words.' })),
  redis: Nullable(RedisItem),
  rates: Nullable(RatesItem),
  totals: Nullable(
    Type.Object({
      ...TotalsItem.properties,
      at: Seconds('When they were read'),
      is_whole: Type.Boolean({ description: 'False where they are without the swarms of a master that was away.' }),
    }),
  ),
  instances: Nullable(Type.Array(InstanceItem)),
  events: Nullable(Type.Array(EventItem, { description: 'The last ones, the newest first.' })),
})

/** It as a value. */
export type Snapshot = Static<typeof SnapshotItem>

/** The rates of the last minutes: one list for each counter, an entry for each time. */
export const HistoryItem = Type.Object({
  at: Type.Array(Type.Integer()),
  rates: Type.Object(Object.fromEntries(COUNTER_NAMES.map((name) => [name, Type.Array(Type.Number())]))),
})
