import { EVENT, type Event } from '../wire/announce.ts'
import { type Endpoint, endpointFrom } from '../wire/endpoint.ts'
import type { RedisClient } from './client.ts'
import { STORED_REPORT_BYTES } from './records.ts'

/** Role, and the time of the last announce. */
const PEER_BYTES_MIN = 5

/** A peer as it is stored. */
export type StoredPeer = {
  endpoint: Endpoint
  isSeeder: boolean
  /** Seconds since the epoch. */
  announcedS: number
  /** Its last report and event, where details are kept. */
  details: { report: Buffer; event: Event } | undefined
}

/** The peers in a small swarm's hash, or in a chunk's. */
export async function readStoredPeers(redis: RedisClient, hash: string): Promise<StoredPeer[]> {
  return peersOf((await redis.callBuffer('HGETALL', [hash])) as Buffer[], 'fails')
}

/** The peers among the fields and values of such a hash; one whose value is cut fails it, or is left out. */
export function peersOf(fields: readonly Buffer[], damaged: 'fails' | 'is left out'): StoredPeer[] {
  const peers: StoredPeer[] = []
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const endpoint = endpointFrom(fields[i] as Buffer)
    const value = fields[i + 1] as Buffer
    if (endpoint && (damaged === 'fails' || value.length >= PEER_BYTES_MIN)) peers.push(readPeer(endpoint, value))
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
