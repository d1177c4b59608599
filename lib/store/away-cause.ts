import { isRedisReply, messageOf } from '../errors.ts'
import type { StoreCause } from '../swarm/store.ts'
import type { RedisClient } from './client.ts'
import { isCluster, nodesOf } from './nodes.ts'

/** What Redis answers with, by how the answer begins: nothing was done then. */
const REPLIES: [cause: StoreCause, pattern: RegExp][] = [
  ['loading', /^LOADING\b/],
  ['out_of_memory', /^OOM\b/],
  // A replica, and a master whose disk or whose replicas fail it.
  ['read_only', /^(?:READONLY|MISCONF|NOREPLICAS)\b/],
  // It runs somebody's long script.
  ['slow', /^BUSY\b/],
  // The last is what a command in a script is answered.
  ['failing_over', /^(?:CLUSTERDOWN|MOVED|ASK|TRYAGAIN|MASTERDOWN)\b|while the cluster is down/],
]

/** How those say that a command was not answered in time: our own connections, ioredis of a command, and of a socket. */
const IS_LATE = /in time|timed out|Socket timeout/

/**
 * The cause of an error of Redis, or of the way to it; undefined where it answered with an error of another kind, about the
 * command. `canFailOver`: whether another Redis may take its place (`mayFailOver`).
 */
export function awayCause(error: unknown, canFailOver: boolean): StoreCause | undefined {
  const message = messageOf(error)
  if (!isRedisReply(error)) {
    if (IS_LATE.test(message)) return 'slow'
    if (message.endsWith('LOADING')) return 'loading'
    return canFailOver ? 'failing_over' : 'away'
  }
  const cause = REPLIES.find(([, pattern]) => pattern.test(message))?.[0]
  return cause === 'read_only' && canFailOver && message.startsWith('READONLY') ? 'failing_over' : cause
}

/** Whether another Redis may take the place of one that is away: its Sentinels see to it, or the rest of its Cluster. */
export function mayFailOver(redis: RedisClient): boolean {
  if (!isCluster(redis)) return (redis.options.sentinels ?? []).length > 0
  return nodesOf(redis)
    .all()
    .some(({ status }) => status === 'ready')
}
