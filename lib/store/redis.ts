import type { Redis } from 'ioredis'
import { messageOf } from '../errors.ts'
import type { Counters } from '../observe/counters.ts'
import type { Logger } from '../observe/log.ts'
import { type Measures, makeMeasures, secondsSince } from '../observe/measures.ts'
import type { Refusal, StoredAnnounce, StoredReply, SwarmStore } from '../swarm/store.ts'
import type { Counts } from '../wire/counts.ts'
import type { InfoHash } from '../wire/info-hash.ts'
import { makeBatcher } from './batcher.ts'
import type { Keys } from './keys.ts'
import { HEAD_BYTES, readCounts } from './layout.ts'
import { makeRecords, STORED_REPORT_BYTES } from './records.ts'
import { scriptConnectionOf } from './script-connection.ts'
import { loadScript, runScript } from './scripts.ts'
import { makeSwarmKeyWriter } from './swarm-key.ts'

/** Announces in one call: from 16 on a batch costs Redis the same per announce, and 64 take it half a millisecond. */
const ANNOUNCES_PER_CALL = 64
/** Info hashes in one call of scrapes. */
const SCRAPES_PER_CALL = 256
/** Two, so that Redis has the next call at hand when it ends one. */
const CALLS_IN_FLIGHT = 2
/** Announces, or info hashes to scrape, that wait at most: 60 ms of Redis's work. What is past that is refused. */
const WAITING_MAX = 8192

/** A damaged swarm is told of this often at most, however often it is asked for. */
const DAMAGE_TOLD_EVERY_MS = 60_000
/** Damaged swarms told of in that time at most: a hundred lines say enough. */
const DAMAGE_TOLD_MAX = 100

/** What the store must know of an operator's settings. */
export type StorePolicy = {
  peerLifetimeS: number
  peerDetails: boolean
  listed: boolean
  /** Events that are kept, about; 0: none is written. */
  eventsMax?: number
}

/** Announces and info hashes to scrape that wait for Redis, or are in flight. */
export type Waiting = () => { announces: number; scrapes: number }

/** The swarms in Redis (docs/redis-keys.md). */
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
  redis: Redis
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
}): SwarmStore & { waiting: Waiting } {
  const { call } = scriptConnectionOf(redis)
  const announceScript = loadScript('announce')
  const scrapeScript = loadScript('scrape')
  const records = makeRecords(keys, policy.peerDetails, random)
  const swarmKey = makeSwarmKeyWriter(keys)

  const refuse = (refusal: 'busy' | 'away' | 'damaged'): Refusal => {
    counters[`store_${refusal}`] += 1
    return refusal
  }
  const away = (error: unknown): Refusal => {
    log.debug({ reason: messageOf(error) }, 'Redis did not answer')
    return refuse('away')
  }

  const isNews = makeNewsFilter(uptimeMs)
  const damaged = (problem: string): Refusal => {
    if (isNews(INFO_HASH.exec(problem)?.[0] ?? problem)) log.error({ problem }, 'a key in Redis is damaged')
    return refuse('damaged')
  }
  const readAnnounceReply = (head: Buffer | null, rest: Buffer | null): StoredReply => {
    if (head) {
      const { seeders, leechers, completed } = readCounts(head)
      return { ok: true, seeders, leechers, completed, peers: rest ?? EMPTY }
    }
    const text = rest?.toString() ?? ''
    if (text === 'unlisted') return { ok: false, refusal: 'unlisted' }
    return { ok: false, refusal: damaged(text) }
  }

  const announces = makeBatcher<StoredAnnounce, StoredReply>({
    write: records.write,
    itemBytesMax: records.recordBytesMax,
    callItemsMax: ANNOUNCES_PER_CALL,
    callsInFlightMax: CALLS_IN_FLIGHT,
    itemsMax: WAITING_MAX,
    async send(bytes, count) {
      const reportBytes = policy.peerDetails ? STORED_REPORT_BYTES : 0
      const seed = Math.floor(random() * 2 ** 31)
      const { peerLifetimeS, eventsMax = 0 } = policy
      const listed = policy.listed ? '1' : ''
      const args = [keys.prefix, peerLifetimeS, reportBytes, listed, seed, nowS(), bytes, eventsMax]
      const startMs = performance.now()
      const reply = (await runScript(redis, announceScript, [], args, call)) as (Buffer | null)[]
      measures.calls.announce.observe(secondsSince(startMs))
      measures.batches.announces.observe(count)
      records.learn(bytes, (i) => reply[2 * i])
      const replies: StoredReply[] = []
      for (let i = 0; i < count; i++) replies.push(readAnnounceReply(reply[2 * i] ?? null, reply[2 * i + 1] ?? null))
      return replies
    },
    refuse: (error) => ({ ok: false, refusal: away(error) }),
    isSilence,
    overflow: () => ({ ok: false, refusal: refuse('busy') }),
  })

  const scrapes = makeBatcher<InfoHash, Counts | Refusal>({
    write: swarmKey.write,
    itemBytesMax: swarmKey.bytes,
    callItemsMax: SCRAPES_PER_CALL,
    callsInFlightMax: CALLS_IN_FLIGHT,
    itemsMax: WAITING_MAX,
    async send(bytes, count) {
      const args = [swarmKey.bytes, bytes, policy.listed ? '1' : '']
      const startMs = performance.now()
      const heads = (await runScript(redis, scrapeScript, [], args, call)) as (Buffer | null | Error)[]
      measures.calls.scrape.observe(secondsSince(startMs))
      measures.batches.scrapes.observe(count)
      return heads.map((head, i) => {
        if (head === null) return { seeders: 0, leechers: 0, completed: 0 }
        const isHead = head instanceof Buffer
        if (isHead && head.length === HEAD_BYTES) return readCounts(head)
        const key = bytes.toString('latin1', i * swarmKey.bytes, (i + 1) * swarmKey.bytes)
        return damaged(`${key} ${isHead ? `has a head of ${head.length} bytes` : messageOf(head)}`)
      })
    },
    refuse: away,
    isSilence,
    overflow: () => refuse('busy'),
  })

  return {
    announce: announces.add,
    scrape: scrapes.add,
    waiting: () => ({ announces: announces.size(), scrapes: scrapes.size() }),
  }
}

const EMPTY = Buffer.alloc(0)

/** Whether a command failed without an answer of Redis's: too late, or not connected. */
const isSilence = (error: unknown): boolean => (error as Error | undefined)?.name !== 'ReplyError'

const INFO_HASH = /[0-9a-f]{40}/

/** Says whether a damaged swarm is to be told of now; remembers `DAMAGE_TOLD_MAX` of them. */
function makeNewsFilter(uptimeMs: () => number): (swarm: string) => boolean {
  // In the order of when they were told.
  const toldMs = new Map<string, number>()
  return (swarm) => {
    const nowMs = uptimeMs()
    for (const [old, atMs] of toldMs) {
      if (nowMs - atMs < DAMAGE_TOLD_EVERY_MS) break
      toldMs.delete(old)
    }
    if (toldMs.has(swarm) || toldMs.size >= DAMAGE_TOLD_MAX) return false
    toldMs.set(swarm, nowMs)
    return true
  }
}
