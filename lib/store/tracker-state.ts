import type { Redis } from 'ioredis'
import { fieldsOf } from './check-server.ts'
import type { Keys } from './keys.ts'

/** What Redis knows of the sweeper, the last audit and itself; undefined what never was. */
export type TrackerState = {
  /** Seconds since the epoch: when a sweep was last at work, and until when eviction waits after an outage. */
  sweptAt: number | undefined
  holdUntil: number | undefined
  audit: { at: number; drift: number } | undefined
  memoryBytes: number
  /** 0: no limit. */
  memoryBytesMax: number
}

/** Reads it: three small commands. */
export async function readTrackerState(redis: Redis, keys: Keys): Promise<TrackerState> {
  const [[swept, hold], [auditedAt, drift], info] = await Promise.all([
    redis.hmget(keys.sweeper, 'swept', 'hold'),
    redis.hmget(keys.audit, 'at', 'drift'),
    redis.info('memory'),
  ])
  const memory = fieldsOf(info)
  const at = numberOf(auditedAt)
  return {
    sweptAt: numberOf(swept),
    holdUntil: numberOf(hold),
    audit: at === undefined ? undefined : { at, drift: numberOf(drift) ?? 0 },
    memoryBytes: Number(memory.get('used_memory') ?? 0),
    memoryBytesMax: Number(memory.get('maxmemory') ?? 0),
  }
}

/** A number as Redis keeps it; undefined where there is none. */
const numberOf = (text: string | null | undefined): number | undefined =>
  text && Number.isFinite(Number(text)) ? Number(text) : undefined
