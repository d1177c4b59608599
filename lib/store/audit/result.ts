import type { RedisClient } from '../client.ts'
import type { Keys } from '../keys.ts'
import type { AuditReport } from './report.ts'

/** Keeps what an audit found in Redis, for a metric to read. */
export async function keepAuditResult(redis: RedisClient, keys: Keys, report: AuditReport): Promise<void> {
  const { atS, torrents, peers, drift, repaired } = report
  await redis.hset(keys.audit, { at: atS, torrents, peers, drift, repaired })
}

/** What the last audit found. */
export type AuditResult = { atS: number; torrents: number; peers: number; drift: number; repaired: number }

/** The result of the last audit; undefined where there was none. */
export async function readAuditResult(redis: RedisClient, keys: Keys): Promise<AuditResult | undefined> {
  const fields = await redis.hgetall(keys.audit)
  const count = (name: string): number => Number(fields[name] ?? 0)
  if (fields.at === undefined) return undefined
  return {
    ...{ atS: count('at'), torrents: count('torrents'), peers: count('peers') },
    ...{ drift: count('drift'), repaired: count('repaired') },
  }
}
