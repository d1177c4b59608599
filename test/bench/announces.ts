import type { StoredAnnounce, SwarmStore } from '../../lib/swarm/store.ts'
import { EVENT } from '../../lib/wire/announce.ts'
import { type LoadPeer, makeLoad, nextEvent } from '../../services/load/shape.ts'

/** Announces that one caller sends together. */
const ANNOUNCES_AT_ONCE = 64

/** Announces of aquatic's load shape: each peer's first, one after another, and then any peer's next. */
export function makeAnnounces(
  { torrents, peers, numwant }: { torrents: number; peers: number; numwant: number },
  random: () => number,
): { first: () => StoredAnnounce; next: () => StoredAnnounce } {
  const byte = () => 1 + Math.floor(random() * 254)
  const load = makeLoad(torrents, peers, random, () => `${byte()}.${byte()}.${byte()}.${byte()}`)
  const toAnnounce = (peer: LoadPeer, event: StoredAnnounce['event']): StoredAnnounce => ({
    ...peer,
    event,
    numwant,
    wantsPeerIds: false,
    passkey: '',
  })
  let filled = 0
  return {
    first: () => toAnnounce(load[filled++ % peers] as LoadPeer, EVENT.started),
    next() {
      const peer = load[Math.floor(random() * peers)] as LoadPeer
      return toAnnounce(peer, nextEvent(peer, random))
    },
  }
}

/** Announces so many times, `callers` side by side; answers how many that were, and the bytes of peers in all replies. */
export async function announceMany(
  store: SwarmStore,
  { count, callers, next }: { count: number; callers: number; next: () => StoredAnnounce },
): Promise<{ announces: number; peerBytes: number }> {
  const calls = Math.ceil(count / ANNOUNCES_AT_ONCE)
  let left = calls
  let peerBytes = 0
  const caller = async (): Promise<void> => {
    while (left-- > 0) {
      for (const reply of await store.announce(Array.from({ length: ANNOUNCES_AT_ONCE }, next))) {
        if (!reply.ok) throw new Error(`refused: ${reply.refusal}`)
        peerBytes += reply.peers.length
      }
    }
  }
  await Promise.all(Array.from({ length: callers }, caller))
  return { announces: calls * ANNOUNCES_AT_ONCE, peerBytes }
}
