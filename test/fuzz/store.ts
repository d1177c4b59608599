import { type AnnouncePolicy, makeAnnouncer } from '../../lib/swarm/announce.ts'
import type { Refusal, StoredAnnounce, StoredReply, SwarmStore } from '../../lib/swarm/store.ts'
import type { Counts } from '../../lib/wire/counts.ts'
import type { makeReader } from './target.ts'

/** An operator's settings at their defaults. */
export const POLICY: AnnouncePolicy = {
  intervalS: 1800,
  minIntervalS: 900,
  numwantDefault: 50,
  numwantMax: 200,
  peerDetails: true,
}

const REFUSALS: readonly Refusal[] = ['unlisted', 'busy', 'away', 'slow', 'failing_over', 'damaged']
const PEER_ID_BYTES = 20
/** A store may answer more peers than are wanted: what two pieces of a large swarm hold. */
const PEERS_MAX = 600

/**
 * A store that answers what the input says: a refusal, or counts and so many peers. Peers are 1, 2, 3, … in wire form, all
 * different; the asker's own may be among them, as the contract has it.
 */
export function storeFrom({ u8, u16, u32 }: ReturnType<typeof makeReader>): SwarmStore {
  const refusal = REFUSALS[u8() % 16]
  const counts: Counts = { seeders: u32(), leechers: u32(), completed: u32() }
  const count = u16() % PEERS_MAX
  const ownAt = u16()

  const answer = ({ endpoint, numwant, wantsPeerIds }: StoredAnnounce): StoredReply => {
    if (refusal) return { ok: false, refusal }
    const width = endpoint.length + (wantsPeerIds ? PEER_ID_BYTES : 0)
    const peers = Buffer.alloc(width * (wantsPeerIds ? Math.min(count, numwant) : count))
    for (let i = 0; i * width < peers.length; i++) peers.writeUInt32BE(i + 1, i * width)
    // Or the end of one peer and the beginning of the next look like it.
    if (!wantsPeerIds && ownAt % 1024 < count) endpoint.copy(peers, (ownAt % 1024) * width + (ownAt >> 15))
    return { ok: true, ...counts, peers }
  }
  return {
    announce: async (announces) => announces.map(answer),
    scrape: async (infoHashes) => infoHashes.map(() => refusal ?? counts),
  }
}

/** The announcer on such a store; its chance comes from the input too. */
export function announcerFrom(reader: ReturnType<typeof makeReader>) {
  const store = storeFrom(reader)
  const share = reader.u16() / 65536
  return { store, announcer: makeAnnouncer({ store, policy: POLICY, random: () => share }) }
}
