import Type, { type Static } from 'typebox'
import { COUNTER_NAMES } from '../../../lib/observe/counters.ts'
import type { RedisHealth } from '../../../lib/store/redis-health.ts'
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
    description: 'Of a Cluster: what follows is of all of them together, or the worst of them.',
  }),
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
export const redisBody = (health: RedisHealth, cpuCores: number | undefined): Static<typeof RedisItem> => ({
  ...{
    kind: health.kind,
    version: health.version,
    role: health.role,
    masters: health.masters,
    uptime_s: health.uptimeS,
  },
  ...{ used_bytes: health.usedBytes, peak_bytes: health.peakBytes, max_bytes: health.maxBytes ?? null },
  ...{ clients: health.clients, replicas: health.replicas, ops_per_s: health.opsPerS, cpu_cores: cpuCores ?? null },
  ...{ is_loading: health.isLoading, has_aof: health.hasAof, is_aof_well: health.isAofWell },
  ...{ snapshot_at: health.snapshotAt, is_snapshot_well: health.isSnapshotWell },
})

const RatesItem = Type.Object(Object.fromEntries(COUNTER_NAMES.map((name) => [name, Type.Number()])), {
  description: 'Each counter of `/api/v2/stats`, a second, over the last seconds.',
})

/** What a reader is told each second. What could not be read is null. */
export const SnapshotItem = Type.Object({
  at: Type.Integer({ description: "By Redis's clock; milliseconds since the epoch." }),
  problem: Nullable(Type.String({ description: 'Why something is null, in words.' })),
  redis: Nullable(RedisItem),
  rates: Nullable(RatesItem),
  totals: Nullable(Type.Object({ ...TotalsItem.properties, at: Seconds('When they were read') })),
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
