import type { AuditContext } from './audit/context.ts'
import { auditNames } from './audit/names.ts'
import { type AuditReport, makeAuditRecorder } from './audit/report.ts'
import { auditShard, auditShardKeys } from './audit/shards.ts'
import { auditSingleKeys } from './audit/single-keys.ts'
import type { RedisClient } from './client.ts'
import { type Keys, shardNames } from './keys.ts'
import { nodesOf } from './nodes.ts'

/** How far an audit is: keys and torrents done, of so many. */
export type AuditProgress = { doing: string; done: number; total: number }

/**
 * Compares what is derived (counts, texts, pieces, index, due times, totals) with the peers stored, in scripts of about
 * a millisecond, while traffic goes on. With `repair`, makes it anew from the peers: each swarm and each chunk in one
 * script, by what is stored at that moment.
 */
export async function auditAll({
  redis,
  keys,
  peerLifetimeS,
  repair = false,
  shards = shardNames(),
  nowS = () => '',
  onProgress = () => {},
}: {
  redis: RedisClient
  keys: Keys
  peerLifetimeS: number
  repair?: boolean
  /** The shards to look at; a test knows its own. */
  shards?: readonly string[]
  /** Seconds since the epoch; left out, Redis's own clock counts. */
  nowS?: () => number | ''
  onProgress?: (progress: AuditProgress) => void
}): Promise<AuditReport> {
  const recorder = makeAuditRecorder()
  let done = 0
  let total = (
    await Promise.all(
      nodesOf(redis)
        .all()
        .map((node) => node.dbsize()),
    )
  ).reduce((sum, size) => sum + size, 0)
  const onStep = (doing: string, more: number) => {
    done += more
    onProgress({ doing, done, total: Math.max(total, done) })
  }
  const context: AuditContext = { redis, keys, peerLifetimeS, nowS, repair, shards: new Set(shards), recorder, onStep }
  await auditSingleKeys(context)
  const sizes = await auditShardKeys(context)
  for (const size of sizes.values()) total += size
  const loose = await auditNames(context)
  for (const shard of shards) {
    if (sizes.has(shard) || loose.has(shard)) await auditShard(context, shard, loose)
  }
  return recorder.report(Number((await redis.time())[0]))
}
