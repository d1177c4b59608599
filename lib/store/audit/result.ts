import type { Redis } from 'ioredis'
import type { Keys } from '../keys.ts'
import type { AuditReport } from './report.ts'

/** Keeps what an audit found in Redis, for a metric to read. */
export async function keepAuditResult(redis: Redis, keys: Keys, report: AuditReport): Promise<void> {
  const { atS, torrents, peers, drift, repaired } = report
  await redis.hset(keys.audit, { at: atS, torrents, peers, drift, repaired })
}
