import assert from 'node:assert/strict'
import ipaddr from 'ipaddr.js'
import { type AnnouncePolicy, makeAnnouncer } from '../../lib/swarm/announce.ts'
import { addressAdmission } from '../../lib/swarm/peer-address.ts'
import type { Refusal, StoredAnnounce, StoredReply, SwarmStore } from '../../lib/swarm/store.ts'
import { EVENT } from '../../lib/wire/announce.ts'
import type { Counts } from '../../lib/wire/counts.ts'
import { addressText, type Endpoint, isSameAddress } from '../../lib/wire/endpoint.ts'
import type { makeReader } from './target.ts'

/** An operator's settings at their defaults. */
export const POLICY: AnnouncePolicy = {
  intervalS: () => 1800,
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

/** The announcer on such a store, and what the store was asked; its chance comes from the input too. */
export function announcerFrom(reader: ReturnType<typeof makeReader>) {
  const store = storeFrom(reader)
  const share = reader.u16() / 65536
  const asked: StoredAnnounce[] = []
  const noting: Pick<SwarmStore, 'announce'> = {
    announce: (announces) => {
      asked.push(...announces)
      return store.announce(announces)
    },
  }
  const announcer = makeAnnouncer({ store: noting, policy: POLICY, admissions: ADMISSIONS, random: () => share })
  return { store, announcer, asked }
}

/** Of who asks from a public address. */
const ADMISSIONS = [addressAdmission({ portMin: 1, keepsPrivatePeers: false, isBanned: () => false })]

/** Whether a peer may be stored: at its sender's address or, where it may name one, at what may be a host's of that family. */
export function checkPlace({ endpoint, event }: StoredAnnounce, sender: Endpoint, mayNameAddress: boolean): void {
  if (isSameAddress(endpoint, sender)) return
  assert(mayNameAddress, 'the word of a stranger is not believed')
  if (event === EVENT.stopped) return
  assert.equal(endpoint.length, sender.length, 'a peer is of the family of who is told of it')
  const range = ipaddr.parse(addressText(endpoint)).range()
  assert(
    !UNREACHABLE.includes(range) && !(endpoint.length === 6 && endpoint.readUInt8() >= 240),
    `nobody is at ${range}`,
  )
}

const UNREACHABLE: readonly string[] =
  'unspecified multicast broadcast private loopback linkLocal carrierGradeNat uniqueLocal deprecatedSiteLocal'.split(
    ' ',
  )
