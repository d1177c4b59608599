import { EVENT, type Event, makeReport } from '../../lib/wire/announce.ts'
import { type Endpoint, toEndpoint } from '../../lib/wire/endpoint.ts'
import type { InfoHash } from '../../lib/wire/info-hash.ts'

/** A peer of the load: it keeps its torrent, its address and, but for what it completes, its role. */
export type LoadPeer = {
  infoHash: InfoHash
  endpoint: Endpoint
  isSeeder: boolean
  report: Buffer
  /** Whether it was let in and did not stop since: its torrent cannot be empty. */
  isCounted: boolean
}

/** The share of peers that are seeders in aquatic's load test. */
const SEEDER_SHARE = 0.75
/** Ports that peers are at: 1024 and on. */
const FIRST_PORT = 1024
const PORTS = 64_000
/** No factor in common with `PORTS`: the peers of one address take each port once before any comes again. */
const PORT_STEP = 40_503

/** The address that a peer of the load is at, by its number: 127.0.1.1 and on. */
export const addressOfPeer = (peer: number, addresses: number): string => `127.0.1.${(peer % addresses) + 1}`

/**
 * Peers over torrents as aquatic's load test spreads them: a few torrents have very many peers, most one or two.
 * `addressOf` gives the address of a peer by its number. No two of up to 64,000 peers at an address have the same port:
 * a tracker that took two for one would be filled with fewer peers than were announced.
 */
export function makeLoad(
  torrents: number,
  peers: number,
  random: () => number,
  addressOf: (peer: number) => string,
  seederShare = SEEDER_SHARE,
): LoadPeer[] {
  const hashes = Array.from({ length: torrents }, () => {
    const hash = Buffer.allocUnsafeSlow(20)
    for (let at = 0; at < 20; at += 4) hash.writeUInt32BE(Math.floor(random() * 2 ** 32), at)
    return hash as InfoHash
  })
  const sums = new Float64Array(torrents)
  let sum = 0
  for (let i = 0; i < torrents; i++) {
    sum += torrents / peers + Math.exp(6.5 - (500 * i) / torrents)
    sums[i] = sum
  }
  const peersAt = new Map<string, number>()
  return Array.from({ length: peers }, (_, i) => {
    const isSeeder = random() < seederShare
    const address = addressOf(i)
    const before = peersAt.get(address) ?? 0
    peersAt.set(address, before + 1)
    const peerId = Buffer.from(`-RS0001-${String(i).padStart(12, '0')}`)
    return {
      infoHash: hashes[firstAbove(sums, random() * sum)] as InfoHash,
      endpoint: toEndpoint(address, FIRST_PORT + ((before * PORT_STEP) % PORTS)) as Endpoint,
      isSeeder,
      isCounted: false,
      report: makeReport(peerId, BigInt(i) * 1000n, isSeeder ? 0n : 123_456n, BigInt(i) * 2000n),
    }
  })
}

function firstAbove(sums: Float64Array, value: number): number {
  let low = 0
  let high = sums.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sums[middle] as number) < value) low = middle + 1
    else high = middle
  }
  return low
}

/** One announce in so many is a `stopped`; the peer comes back the next time. */
const STOPPED_SHARE = 0.05
/** One leecher's announce in so many is its `completed`. */
const COMPLETED_SHARE = 0.02

/** The event of a peer's next announce; a leecher that completes is a seeder from then on. */
export function nextEvent(peer: LoadPeer, random: () => number): Event {
  if (random() < STOPPED_SHARE) {
    peer.isCounted = false
    return EVENT.stopped
  }
  if (peer.isSeeder || random() >= COMPLETED_SHARE) return EVENT.none
  peer.isSeeder = true
  peer.report.writeBigUInt64BE(0n, 28)
  return EVENT.completed
}
