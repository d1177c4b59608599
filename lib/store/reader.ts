import type { Redis } from 'ioredis'
import { EVENT, type Event } from '../wire/announce.ts'
import type { Counts } from '../wire/counts.ts'
import { type Endpoint, endpointFrom } from '../wire/endpoint.ts'
import type { InfoHash } from '../wire/info-hash.ts'
import { type Keys, shardNames } from './keys.ts'
import { chunkKey, HEAD_BYTES, LISTS, readChunkCounts, readCounts } from './layout.ts'
import { STORED_REPORT_BYTES } from './records.ts'

/** A peer as it is stored. */
export type StoredPeer = {
  endpoint: Endpoint
  isSeeder: boolean
  /** Seconds since the epoch. */
  announcedS: number
  /** Its last report and event, where details are kept. */
  details: { report: Buffer; event: Event } | undefined
}

/** A swarm with its peers. */
export type StoredSwarm = Counts & {
  /** Seconds since the epoch. */
  addedS: number
  /** At most as many as were asked for. */
  peers: StoredPeer[]
}

/** The counts of all torrents together. */
export type Totals = Counts & { torrents: number }

/** Reads swarms for people and programs that look; nothing here is on the way of an announce. */
export type SwarmReader = {
  /** A swarm with at most so many of its peers; undefined where there is none. */
  swarm: (infoHash: InfoHash, peersMax: number) => Promise<StoredSwarm | undefined>
  totals: () => Promise<Totals>
}

/** Shards asked for at once: each answer takes Redis some microseconds. */
const SHARDS_AT_ONCE = 256

/** The reader of the swarms in a Redis. */
export function makeSwarmReader({ redis, keys }: { redis: Redis; keys: Keys }): SwarmReader {
  const readChunks = async (key: string, counts: readonly number[], peersMax: number): Promise<StoredPeer[]> => {
    const peers: StoredPeer[] = []
    for (const [i, list] of LISTS.entries()) {
      for (let number = 0; number < (counts[i] ?? 0) && peers.length < peersMax; number++) {
        peers.push(...(await readStoredPeers(redis, chunkKey(key, list, number))))
      }
    }
    return peers
  }

  return {
    async swarm(infoHash, peersMax) {
      const key = keys.swarm(infoHash.toString('hex'))
      const [head, added] = await redis.hmgetBuffer(key, 'head', 'added')
      if (!head) return undefined
      if (head.length !== HEAD_BYTES) throw new Error(`damaged head of ${key}`)
      const counts = readChunkCounts(head)
      const isSmall = counts.every((count) => count === 0)
      const peers = isSmall ? await readStoredPeers(redis, key) : await readChunks(key, counts, peersMax)
      return { ...readCounts(head), addedS: Number(added), peers: peers.slice(0, peersMax) }
    },
    async totals() {
      const totals = { torrents: 0, seeders: 0, leechers: 0, completed: 0 }
      const shards = shardNames()
      for (let i = 0; i < shards.length; i += SHARDS_AT_ONCE) {
        const keysNow = shards.slice(i, i + SHARDS_AT_ONCE).map(keys.totals)
        const answers = await Promise.all(keysNow.map((key) => redis.hmget(key, ...Object.keys(totals))))
        for (const [torrents, seeders, leechers, completed] of answers) {
          totals.torrents += Number(torrents)
          totals.seeders += Number(seeders)
          totals.leechers += Number(leechers)
          totals.completed += Number(completed)
        }
      }
      return totals
    },
  }
}

/** The peers in a small swarm's hash, or in a chunk's. */
export async function readStoredPeers(redis: Redis, hash: string): Promise<StoredPeer[]> {
  const fields = (await redis.callBuffer('HGETALL', [hash])) as Buffer[]
  const peers: StoredPeer[] = []
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const endpoint = endpointFrom(fields[i] as Buffer)
    if (endpoint) peers.push(readPeer(endpoint, fields[i + 1] as Buffer))
  }
  return peers
}

function readPeer(endpoint: Endpoint, value: Buffer): StoredPeer {
  const kept = value.subarray(5)
  const event = kept[STORED_REPORT_BYTES - 1] ?? EVENT.none
  return {
    endpoint,
    isSeeder: value[0] === 1,
    announcedS: value.readUInt32BE(1),
    details:
      kept.length === STORED_REPORT_BYTES
        ? { report: kept.subarray(0, STORED_REPORT_BYTES - 1), event: event as Event }
        : undefined,
  }
}
