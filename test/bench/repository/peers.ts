import type { StoredAnnounce } from '../../../lib/swarm/store.ts'
import { EVENT, makeReport } from '../../../lib/wire/announce.ts'
import type { Endpoint } from '../../../lib/wire/endpoint.ts'
import type { InfoHash } from '../../../lib/wire/info-hash.ts'

/** Info hashes spread over all shards, the same ones each time. */
export function infoHashOf(number: number): InfoHash {
  const hash = Buffer.alloc(20)
  for (let at = 0, mixed = number + 1; at < 20; at += 4) {
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d) ^ Math.imul(number + at, 0x9e3779b1)
    hash.writeUInt32BE(mixed >>> 0, at)
  }
  hash.writeUInt32BE(number, 16)
  return hash as InfoHash
}

/** The announce of a peer by its number: three of four are seeders, as in aquatic's load. */
export function announceOf(torrent: number, peer: number, changes: Partial<StoredAnnounce> = {}): StoredAnnounce {
  const isSeeder = peer % 4 !== 0
  const endpoint = Buffer.alloc(6)
  endpoint.writeUInt32BE(0x0a000000 + peer)
  endpoint.writeUInt16BE(6881, 4)
  return {
    infoHash: infoHashOf(torrent),
    endpoint: endpoint as Endpoint,
    report: makeReport(Buffer.from(`-RS0001-${String(peer).padStart(12, '0')}`), 0n, isSeeder ? 0n : 1000n, 0n),
    event: EVENT.none,
    isSeeder,
    numwant: 0,
    wantsPeerIds: false,
    passkey: '',
    ...changes,
  }
}
