import { randomBytes } from 'node:crypto'
import type { Redis } from 'ioredis'
import { makeRandom } from '../../lib/random.ts'
import { EVENT } from '../../lib/wire/announce.ts'
import type { InfoHash } from '../../lib/wire/info-hash.ts'
import { type LoadPeer, makeLoad } from '../../services/load/shape.ts'
import { storeOn } from '../support/store.ts'

const PEERS_AT_ONCE = 6400

/** So many torrents in aquatic's load shape, each with a peer at least. */
export function makePeers(torrents: number, peers: number): LoadPeer[] {
  const random = makeRandom()
  const byte = () => 1 + Math.floor(random() * 254)
  // About half of the load's torrents have no peer.
  const load = makeLoad(torrents, Math.max(1, peers - Math.round(torrents * 0.57)), random, () =>
    [byte(), byte(), byte(), byte()].join('.'),
  )
  const taken = new Set(load.map(({ infoHash }) => infoHash.toString('hex'))).size
  const alone = Array.from({ length: torrents - taken }, (_, i) => ({
    ...(load[i % load.length] as LoadPeer),
    infoHash: randomBytes(20) as InfoHash,
  }))
  return [...load, ...alone]
}

/** Announces all; every twentieth has completed if it is a seeder. */
export async function fill(redis: Redis, peers: readonly LoadPeer[]): Promise<void> {
  const store = storeOn(redis)
  const rest = { numwant: 0, wantsPeerIds: false, passkey: '' }
  for (let i = 0; i < peers.length; i += PEERS_AT_ONCE) {
    const announces = peers.slice(i, i + PEERS_AT_ONCE).map((peer, k) => {
      const event = k % 20 === 0 && peer.isSeeder ? EVENT.completed : EVENT.started
      return { ...peer, ...rest, event }
    })
    for (const reply of await store.announce(announces)) if (!reply.ok) throw new Error(`refused: ${reply.refusal}`)
  }
}
