import { messageOf } from '../errors.ts'
import type { Counters } from '../observe/counters.ts'
import type { Logger } from '../observe/log.ts'
import { type Measures, makeMeasures } from '../observe/measures.ts'
import { makeNews } from '../observe/news.ts'
import type { Refusal, StoreCause, SwarmStore } from '../swarm/store.ts'
import { awayCause, mayFailOver } from './away-cause.ts'
import type { RedisClient } from './client.ts'
import { makeClusterStore } from './cluster-store.ts'
import type { Keys } from './keys.ts'
import { makeNodeStore, type NodeContext } from './node-store.ts'
import { isCluster } from './nodes.ts'
import { makeRecords } from './records.ts'
import { makeSwarmKeyWriter } from './swarm-key.ts'

/** Announces, or info hashes to scrape, that wait for one Redis at most: 60 ms of its work. What is past that is refused. */
export const WAITING_MAX = 8192
/** A damaged swarm is told of this often at most, however often it is asked for. */
const DAMAGE_TOLD_EVERY_MS = 60_000
/** Damaged swarms told of in that time at most: a hundred lines say enough. */
export const DAMAGE_TOLD_MAX = 100

/** What the store must know of an operator's settings. */
export type StorePolicy = {
  peerLifetimeS: number
  peerDetails: boolean
  listed: boolean
  /** Peers of one swarm at most; left out: as many as come. */
  swarmPeersMax?: number
  /** Events that are kept, about; 0: none is written. */
  eventsMax?: number
}

/** The swarms in Redis, and the connections that they are reached by. */
export type RedisStore = SwarmStore & {
  /** Announces and info hashes to scrape that wait for Redis, or are in flight. */
  waiting: () => { announces: number; scrapes: number }
  /** Ends when the first try to connect has ended; it goes on trying. */
  ready: Promise<void>
}

/** The swarms in Redis (docs/redis-keys.md): on one, or on the masters of a Cluster. */
export function makeRedisStore({
  redis,
  keys,
  policy,
  random,
  counters,
  measures = makeMeasures(),
  log,
  nowS = () => '',
  uptimeMs = () => performance.now(),
}: {
  redis: RedisClient
  keys: Keys
  policy: StorePolicy
  random: () => number
  counters: Counters
  measures?: Measures
  log: Logger
  /** Seconds since the epoch; left out, Redis's own clock counts, the only one that all frontends share. */
  nowS?: () => number | ''
  /** Milliseconds of a clock that only goes forward. */
  uptimeMs?: () => number
}): RedisStore {
  const refuse = (refusal: StoreCause | 'busy' | 'damaged'): Refusal => {
    counters[`store_${refusal}`] += 1
    return refusal
  }
  const away = (error: unknown): Refusal => {
    log.debug({ reason: messageOf(error) }, 'Redis did not do it')
    return refuse(awayCause(error, mayFailOver(redis)) ?? 'away')
  }
  const news = makeNews({ everyMs: DAMAGE_TOLD_EVERY_MS, namesMax: DAMAGE_TOLD_MAX, nowMs: uptimeMs })
  const damaged = (problem: string): Refusal => {
    if (news(INFO_HASH.exec(problem)?.[0] ?? problem) > 0) log.error({ problem }, 'a key in Redis is damaged')
    return refuse('damaged')
  }
  const context: NodeContext = {
    ...{ keys, policy, random, measures, nowS, refuse, away, damaged },
    isCluster: isCluster(redis),
    waitingMax: WAITING_MAX,
    records: makeRecords(keys, policy.peerDetails, random),
    swarmKey: makeSwarmKeyWriter(keys),
  }
  if (isCluster(redis)) return makeClusterStore(redis, context)
  const { announces, scrapes, ready } = makeNodeStore(redis, context)
  return {
    // Of one Redis, nothing moves.
    announce: announces.add as SwarmStore['announce'],
    scrape: scrapes.add as SwarmStore['scrape'],
    waiting: () => ({ announces: announces.size(), scrapes: scrapes.size() }),
    ready,
  }
}

const INFO_HASH = /[0-9a-f]{40}/
