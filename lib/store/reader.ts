import type { Redis } from 'ioredis'
import { EVENT, type Event } from '../wire/announce.ts'
import type { Counts } from '../wire/counts.ts'
import { type Endpoint, endpointFrom } from '../wire/endpoint.ts'
import type { InfoHash } from '../wire/info-hash.ts'
import { type Keys, shardNames } from './keys.ts'
import { STORED_REPORT_BYTES } from './records.ts'
import { readHead } from './redis.ts'

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

const LISTS = ['l4', 's4', 'l6', 's6'] as const
const CHUNK_COUNTS_AT = 12
/** Shards asked for at once: each answer takes Redis some microseconds. */
const SHARDS_AT_ONCE = 256

/** The reader of the swarms in a Redis. */
export function makeSwarmReader({ redis, keys }: { redis: Redis; keys: Keys }): SwarmReader {
  const readPeers = async (hash: string): Promise<StoredPeer[]> => {
    const fields = (await redis.callBuffer('HGETALL', [hash])) as Buffer[]
    const peers: StoredPeer[] = []
    for (let i = 0; i + 1 < fields.length; i += 2) {
      const endpoint = endpointFrom(fields[i] as Buffer)
      if (endpoint) peers.push(readPeer(endpoint, fields[i + 1] as Buffer))
    }
    return peers
  }

  const readChunks = async (key: string, head: Buffer, peersMax: number): Promise<StoredPeer[]> => {
    const peers: StoredPeer[] = []
    for (const [list, name] of LISTS.entries()) {
      const chunks = head.readUInt16BE(CHUNK_COUNTS_AT + 2 * list)
      for (let number = 0; number < chunks && peers.length < peersMax; number++) {
        peers.push(...(await readPeers(`${key}:${name}:${number.toString(16).padStart(4, '0')}`)))
      }
    }
    return peers.slice(0, peersMax)
  }

  return {
    async swarm(infoHash, peersMax) {
      const key = keys.swarm(infoHash.toString('hex'))
      const [head, added] = await redis.hmgetBuffer(key, 'head', 'added')
      if (!head) return undefined
      const isSmall = head.subarray(CHUNK_COUNTS_AT).every((byte) => byte === 0)
      const peers = isSmall ? (await readPeers(key)).slice(0, peersMax) : await readChunks(key, head, peersMax)
      return { ...readHead(head), addedS: Number(added), peers }
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
