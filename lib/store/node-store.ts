import type { Redis } from 'ioredis'
import { messageOf } from '../errors.ts'
import { type Measures, secondsSince } from '../observe/measures.ts'
import type { Refusal, StoredAnnounce, StoredReply } from '../swarm/store.ts'
import type { Counts } from '../wire/counts.ts'
import type { InfoHash } from '../wire/info-hash.ts'
import { isDownCommand, isMovedCommand, isMovedReply } from './at-masters.ts'
import { type Batcher, makeBatcher } from './batcher.ts'
import type { Keys } from './keys.ts'
import { HEAD_BYTES, readCounts } from './layout.ts'
import { type Records, STORED_REPORT_BYTES } from './records.ts'
import type { StorePolicy } from './redis.ts'
import { scriptConnectionOf } from './script-connection.ts'
import { loadScript, runScript } from './scripts.ts'
import type { SwarmKeyWriter } from './swarm-key.ts'

/** Announces in one call: from 16 on a batch costs Redis the same per announce, and 64 take it half a millisecond. */
const ANNOUNCES_PER_CALL = 64
/** Info hashes in one call of scrapes. */
const SCRAPES_PER_CALL = 256
/** Two, so that Redis has the next call at hand when it ends one. */
const CALLS_IN_FLIGHT = 2
/** What the stores of all nodes share. */
export type NodeContext = {
  keys: Keys
  policy: StorePolicy
  records: Records
  swarmKey: SwarmKeyWriter
  random: () => number
  measures: Measures
  nowS: () => number | ''
  /** Whether slots can move: what touches more than one key then looks first whether that one is. */
  isCluster: boolean
  /** Announces, or info hashes to scrape, that wait for a Redis at most. */
  waitingMax: number
  refuse: (refusal: 'busy') => Refusal
  /** What is answered where Redis did not do it, by its error. */
  away: (error: unknown) => Refusal
  /** What is answered of a damaged key, by what is wrong with it. */
  damaged: (problem: string) => Refusal
}

/** An announce as a record, written before: its shard was on the move, and nothing was done. */
export class MovedAnnounce {
  readonly record: Buffer
  constructor(record: Buffer) {
    this.record = record
  }
}

/** In the place of counts: the shard was on the move. */
export const MOVED_SCRAPE = Symbol('moved')

/** The swarms of one Redis, or of one master of a Cluster. */
export type NodeStore = {
  announces: Batcher<StoredAnnounce | MovedAnnounce, StoredReply | MovedAnnounce>
  scrapes: Batcher<InfoHash, Counts | Refusal | typeof MOVED_SCRAPE>
  /** Ends when the first try to connect has; it goes on trying. */
  ready: Promise<void>
}

/** The store of the swarms that a Redis has. */
export function makeNodeStore(redis: Redis, context: NodeContext): NodeStore {
  const { keys, policy, records, swarmKey, random, measures, nowS, isCluster, refuse, away, damaged } = context
  const { call, ready } = scriptConnectionOf(redis)
  const announceScript = loadScript('announce')
  const scrapeScript = loadScript('scrape')
  const limits = { callsInFlightMax: CALLS_IN_FLIGHT, itemsMax: context.waitingMax, isSilence }

  const refusedReply = (text: string, record: () => Buffer): StoredReply | MovedAnnounce => {
    if (isToldRefusal(text)) return { ok: false, refusal: text }
    if (text === 'moving') return new MovedAnnounce(Buffer.from(record()))
    if (text === 'down') return { ok: false, refusal: away(new Error('the Cluster is not whole')) }
    return { ok: false, refusal: damaged(text) }
  }

  const sendAnnounces = async (bytes: Buffer, count: number): Promise<(StoredReply | MovedAnnounce)[]> => {
    const reportBytes = policy.peerDetails ? STORED_REPORT_BYTES : 0
    const seed = Math.floor(random() * 2 ** 31)
    const { peerLifetimeS, eventsMax = 0, swarmPeersMax = '' } = policy
    const listed = policy.listed ? '1' : ''
    const moves = isCluster ? '1' : ''
    const args = [keys.prefix, peerLifetimeS, reportBytes, listed, seed, nowS(), bytes, eventsMax, moves, swarmPeersMax]
    const startMs = performance.now()
    const reply = (await runScript(redis, announceScript, [], args, call)) as (Buffer | null)[]
    measures.calls.announce.observe(secondsSince(startMs))
    measures.batches.announces.observe(count)
    records.learn(bytes, (i) => reply[2 * i])
    const replies: (StoredReply | MovedAnnounce)[] = []
    for (let i = 0; i < count; i++) {
      const [head, rest] = [reply[2 * i], reply[2 * i + 1]]
      replies.push(
        head
          ? { ok: true, ...readCounts(head), peers: rest ?? EMPTY, isNewTorrent: !rest }
          : refusedReply(rest?.toString() ?? '', () => records.at(bytes, i)),
      )
    }
    return replies
  }
  /** The same, of a master that may be one no longer: what it refuses for that is for the new one. */
  const sendMovable: typeof sendAnnounces = (bytes, count) =>
    sendAnnounces(bytes, count).catch((error: unknown) => {
      if (!isMovedReply(error)) throw error
      return Array.from({ length: count }, (_, i) => new MovedAnnounce(Buffer.from(records.at(bytes, i))))
    })

  const announces: NodeStore['announces'] = makeBatcher({
    ...limits,
    write: (into, at, item) =>
      item instanceof MovedAnnounce ? at + item.record.copy(into, at) : records.write(into, at, item),
    itemBytesMax: records.recordBytesMax,
    callItemsMax: ANNOUNCES_PER_CALL,
    send: isCluster ? sendMovable : sendAnnounces,
    refuse: (error) => ({ ok: false, refusal: away(error) }),
    overflow: () => {
      measures.announcesBusy += 1
      return { ok: false, refusal: refuse('busy') }
    },
  })

  const scrapes: NodeStore['scrapes'] = makeBatcher({
    ...limits,
    write: swarmKey.write,
    itemBytesMax: swarmKey.bytes,
    callItemsMax: SCRAPES_PER_CALL,
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
        if (isCluster && isMovedCommand(head)) return MOVED_SCRAPE
        if (isCluster && isDownCommand(head)) return away(head)
        const key = bytes.toString('latin1', i * swarmKey.bytes, (i + 1) * swarmKey.bytes)
        return damaged(`${key} ${isHead ? `has a head of ${head.length} bytes` : messageOf(head)}`)
      })
    },
    refuse: away,
    overflow: () => refuse('busy'),
  })

  return { announces, scrapes, ready }
}

const EMPTY = Buffer.alloc(0)

/** What the script says of an announce that it refused by the tracker's rules. */
const TOLD_REFUSALS = ['unlisted', 'torrents', 'address_torrents', 'swarm_peers'] as const
const isToldRefusal = (text: string): text is (typeof TOLD_REFUSALS)[number] =>
  (TOLD_REFUSALS as readonly string[]).includes(text)

/** Whether a command failed without an answer of Redis's: too late, or not connected. */
const isSilence = (error: unknown): boolean => (error as Error | undefined)?.name !== 'ReplyError'
