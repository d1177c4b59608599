import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeCounters } from '../../lib/observe/counters.ts'
import { makeLog } from '../../lib/observe/log.ts'
import { connectRedis } from '../../lib/store/connect.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { makeSwarmReader } from '../../lib/store/reader.ts'
import { makeRedisStore } from '../../lib/store/redis.ts'
import { markServed } from '../../lib/store/sweep.ts'
import type { StoredAnnounce } from '../../lib/swarm/store.ts'
import { EVENT, makeReport } from '../../lib/wire/announce.ts'
import { type Endpoint, toEndpoint } from '../../lib/wire/endpoint.ts'
import { type InfoHash, infoHashFromHex } from '../../lib/wire/info-hash.ts'

/** Announces handed to the store at once: less than it lets wait. */
const AT_ONCE = 2048
/** How often a frontend marks that it is at work; without that, a sweeper waits. */
const MARK_EVERY_MS = 500
/** How often the peers stored are counted, and how long to rest where there are enough. */
const COUNT_EVERY_MS = 1000
/** Parts of one in the order of the golden ratio: as even as chance, and the same in every run. */
const GOLDEN_RATIO = 0.618033988749895
const partOf = (i: number): number => (i * GOLDEN_RATIO) % 1

/** The settings by which a sweeper has work all the time: the least that they may be. */
export const SWEEPER_SETTINGS = {
  REDSWARM_PEER_LIFETIME_S: '3',
  REDSWARM_SWEEP_INTERVAL_S: '1',
  REDSWARM_ANNOUNCE_INTERVAL_S: '1',
  REDSWARM_ANNOUNCE_MIN_INTERVAL_S: '1',
}
const SWEEPER_LIFETIME_S = Number(SWEEPER_SETTINGS.REDSWARM_PEER_LIFETIME_S)
const DEFAULT_LIFETIME_S = 3900

/** The info hash of a torrent by its number. */
export const torrentHash = (torrent: number): InfoHash =>
  infoHashFromHex(createHash('sha1').update(String(torrent)).digest('hex')) as InfoHash

/** The torrent of a peer by its number: the first ones have very many peers, most have one or two. */
const torrentOf = (peer: number, torrents: number): number => Math.floor(torrents * partOf(peer) ** 4)

function announceOf(peer: number, torrents: number): StoredAnnounce {
  const isSeeder = peer % 4 !== 0
  const address = `10.${(peer >> 16) & 255}.${(peer >> 8) & 255}.${peer & 255}`
  const peerId = Buffer.from(`-RS0001-${String(peer).padStart(12, '0')}`)
  return {
    infoHash: torrentHash(torrentOf(peer, torrents)),
    endpoint: toEndpoint(address, 1024 + ((peer >> 24) & 32_767)) as Endpoint,
    report: makeReport(peerId, BigInt(peer), isSeeder ? 0n : 123_456n, BigInt(peer)),
    event: EVENT.started,
    isSeeder,
    numwant: 0,
    wantsPeerIds: false,
    passkey: '',
  }
}

/** How many of each there are to be. */
export type StoreSize = { torrents: number; peers: number }

/** Peers that are written until `stop`, and how many were so far. */
export type Refill = { written: () => number; stop: () => Promise<void> }

/** A store that the profile itself writes to, beside the role. */
export type LoadedStore = {
  /** Writes every peer once. */
  fill: () => Promise<void>
  /** Writes peers that are past their lifetime already, until `stop`. Keeps within the size. */
  refill: () => Refill
  /** Peers stored. */
  peers: () => Promise<number>
  close: () => void
}

/** The store of a profiled tracker, for roles whose load is in the store. */
export async function openStore(redisUrl: string, { torrents, peers }: StoreSize): Promise<LoadedStore> {
  const log = makeLog('silent', false)
  const redis = await connectRedis(redisUrl)
  const keys = makeKeys('')
  const reader = makeSwarmReader({ redis, keys })
  let written = 0
  const random = (): number => partOf(written)
  const storeOf = (peerLifetimeS: number, nowS?: () => number) =>
    makeRedisStore({
      ...{ redis, keys, random, log, counters: makeCounters() },
      policy: { peerLifetimeS, peerDetails: true, listed: false },
      ...(nowS && { nowS }),
    })
  const countPeers = async (): Promise<number> => {
    const { seeders, leechers } = await reader.totals()
    return seeders + leechers
  }
  const write = async (store: ReturnType<typeof storeOf>, count: number): Promise<void> => {
    const announces = Array.from({ length: count }, () => announceOf(written++, torrents))
    const refused = (await store.announce(announces)).find((reply) => !reply.ok)
    if (refused && !refused.ok) throw new Error(`the store refused a peer: ${refused.refusal}`)
  }

  const refill = (): Refill => {
    let [isStopping, count, stored, pastS] = [false, 0, 0, 0]
    const past = storeOf(SWEEPER_LIFETIME_S, () => pastS)
    const observe = async (everyMs: number, task: () => Promise<void>): Promise<void> => {
      while (!isStopping) {
        await task()
        await sleep(everyMs)
      }
    }
    const intervals = { sweepIntervalS: 1, announceIntervalS: 1 }
    const tasks = [
      observe(MARK_EVERY_MS, () => markServed(redis, keys, intervals)),
      observe(COUNT_EVERY_MS, async () => {
        stored = await countPeers()
        pastS = Number((await redis.time())[0]) - 2 * SWEEPER_LIFETIME_S
      }),
      observe(1, async () => {
        const room = Math.min(AT_ONCE, peers - stored)
        if (pastS === 0 || room <= 0) return
        await write(past, room)
        stored += room
        count += room
      }),
    ]
    const ended = Promise.all(tasks)
    ended.catch(() => {}) // `stop` tells it
    return {
      written: () => count,
      async stop() {
        isStopping = true
        await ended
      },
    }
  }

  return {
    async fill() {
      const store = storeOf(DEFAULT_LIFETIME_S)
      while (written < peers) await write(store, Math.min(AT_ONCE, peers - written))
    },
    refill,
    peers: countPeers,
    close: () => redis.disconnect(),
  }
}
