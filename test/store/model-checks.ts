import assert from 'node:assert/strict'
import { choosePeers } from '../../lib/swarm/announce.ts'
import type { StoredAnnounce, StoredReply } from '../../lib/swarm/store.ts'
import { EVENT } from '../../lib/wire/announce.ts'
import type { Endpoint } from '../../lib/wire/endpoint.ts'
import type { InfoHash } from '../../lib/wire/info-hash.ts'
import type { Model, ModelPeer } from '../support/model.ts'
import { type RawSwarm, type Snapshot, swarmIn } from '../support/read-swarm.ts'
import { HASHES, SHARDS } from './model-steps.ts'

/** How long a peer lives in the model's tests. */
export const LIFETIME_S = 3900

/** A large swarm rests for so long between two looks of the sweeper. */
const LARGE_SWARM_RESTS_S = LIFETIME_S / 13

/** What a snapshot holds, in the model's terms. */
export type Stored = { swarms: Map<string, RawSwarm>; keys: Snapshot }

/** Reads a snapshot: each swarm is held against itself, and no key may be left over. */
export function readStored(keys: Snapshot): Stored {
  const swarms = new Map<string, RawSwarm>()
  for (const hash of HASHES) {
    const hex = hash.toString('hex')
    const swarm = swarmIn(keys, hex)
    if (swarm) swarms.set(hex, swarm)
  }
  for (const key of keys.keys())
    assert.match(key, /^(events|(torrents|totals|accounts|whitelist):\{(0a1|f00)\}|moved:.*)$/s, 'a stray key')
  return { swarms, keys }
}

/** The peers of a swarm say goodbye, save each n-th: its chunks are left nearly empty, or empty. */
export function stopsOf(model: Model, hash: InfoHash, keepEvery: number): StoredAnnounce[] {
  const peers = [...(model.swarms.get(hash.toString('hex'))?.peers ?? [])]
  const leaving = peers.filter((_, i) => keepEvery === 0 || i % keepEvery !== 0)
  return leaving.map(([id, { report, isSeeder }]) => ({
    infoHash: hash,
    endpoint: Buffer.from(id, 'hex') as Endpoint,
    report,
    event: EVENT.stopped,
    isSeeder,
    numwant: 0,
    wantsPeerIds: false,
    passkey: '',
  }))
}

/** Applies announces to the model, and holds each reply against it. */
export function checkReplies(
  model: Model,
  announces: readonly StoredAnnounce[],
  replies: readonly StoredReply[],
  nowS: number,
  /** Whether replies tell what was added: of what is compared with the product, not all do. */
  tellsNew = true,
): void {
  assert.equal(replies.length, announces.length)
  for (const [i, announce] of announces.entries()) {
    const reply = replies[i] as StoredReply
    const outcome = model.announce(announce, nowS)
    if (outcome.refusal !== undefined) {
      assert.deepEqual(reply, { ok: false, refusal: outcome.refusal })
      continue
    }
    assert(reply.ok, `an announce was refused: ${reply.ok || reply.refusal}`)
    if (tellsNew) assert.equal(reply.isNewTorrent, outcome.isNewTorrent, 'whether the torrent was added')
    const { seeders, leechers, completed } = model.counts(announce.infoHash.toString('hex'))
    const isEqual = reply.seeders === seeders && reply.leechers === leechers && reply.completed === completed
    assert(isEqual, `counts in a reply: ${told(reply)} in the place of ${told({ seeders, leechers, completed })}`)
    if (announce.event === EVENT.stopped || announce.numwant === 0) assert.equal(reply.peers.length, 0, 'peers unasked')
    else if (announce.wantsPeerIds) checkPeersWithIds(model, announce, reply.peers)
    else checkPeers(model, announce, reply.peers)
  }
}

const told = ({ seeders, leechers, completed }: { seeders: number; leechers: number; completed: number }) =>
  `${seeders}, ${leechers}, ${completed}`

function checkPeers(model: Model, announce: StoredAnnounce, raw: Buffer): void {
  const idsOf = (peers: Buffer) => {
    const ids = new Set<string>()
    for (let at = 0; at < peers.length; at += own.length / 2) ids.add(peers.toString('hex', at, at + own.length / 2))
    assert.equal(ids.size * own.length, peers.length * 2, 'a peer twice')
    return ids
  }
  const own = announce.endpoint.toString('hex')
  const peers = model.swarms.get(announce.infoHash.toString('hex'))?.peers
  const all = idsOf(raw)
  let seedersTold = 0
  for (const id of all) {
    // Its own may be among them, as it was or is: the frontend takes it out.
    if (id === own) continue
    const peer = peers?.get(id)
    assert(peer && model.mayTell(announce, peer), 'a wrong peer')
    if (peer.isSeeder) seedersTold += 1
  }
  const tellable = model.tellable(announce)
  // Of a copy: choosing may change the order in place.
  const chosen = idsOf(choosePeers(Buffer.from(raw), announce.endpoint, announce.numwant, Math.random))
  assert(!chosen.has(own), 'itself')
  assert.equal(chosen.size, Math.min(announce.numwant, tellable.seeders + tellable.leechers), 'as many as wanted')
  assert(seedersTold >= Math.min(announce.numwant, tellable.seeders), 'seeders first')
}

/** With peer ids, the script itself cuts: exactly as many as wanted, never itself, each with the id it announced. */
function checkPeersWithIds(model: Model, announce: StoredAnnounce, raw: Buffer): void {
  const endpointBytes = announce.endpoint.length
  const width = endpointBytes + 20
  const peers = model.swarms.get(announce.infoHash.toString('hex'))?.peers
  const ids = new Set<string>()
  for (let at = 0; at < raw.length; at += width) {
    const id = raw.toString('hex', at, at + endpointBytes)
    const peer = peers?.get(id)
    assert(peer && model.mayTell(announce, peer), 'a wrong peer')
    assert(raw.compare(peer.report, 0, 20, at + endpointBytes, at + width) === 0, 'peer id')
    ids.add(id)
  }
  assert(!ids.has(announce.endpoint.toString('hex')), 'itself')
  const { seeders, leechers } = model.tellable(announce)
  assert.equal(ids.size, Math.min(announce.numwant, seeders + leechers), 'as many as wanted')
  assert.equal(ids.size * width, raw.length, 'a peer twice')
}

/** Takes out of the model what a sweep took out of Redis; none of it may have been taken before its time. */
export function followSweep(model: Model, { swarms }: Stored, nowS: number): { removed: number; dropped: number } {
  const sum = { removed: 0, dropped: 0 }
  for (const hash of HASHES) {
    const hex = hash.toString('hex')
    const swept = model.sweep(hex, swarms.get(hex), { nowS, cutoffS: nowS - LIFETIME_S })
    assert(swept.wronged.length === 0, `swept before its time: ${swept.wronged[0]}`)
    sum.removed += swept.removed
    sum.dropped += Number(swept.dropped)
  }
  return sum
}

/**
 * After a sweep that had the time it takes, nothing is left to sweep: no swarm is due or half swept. A peer whose time is
 * over is only in a large swarm that rests, and `agree` checks that none rests for long.
 */
export function checkSweptInTime({ swarms, keys }: Stored, { policy }: Model, nowS: number): void {
  for (const shard of SHARDS) {
    for (const [hex, due] of duesOf(keys, shard)) {
      const { isHalfSwept, isSmall, peers } = swarms.get(hex) as RawSwarm
      assert(due > nowS && !isHalfSwept, 'not swept to the end')
      const keptS = policy.completedLifetimeS
      if (peers.size === 0 && keptS !== undefined)
        assert(due <= nowS + Math.max(keptS + 0.5, LIFETIME_S), 'kept without an end')
      if (isSmall) for (const value of peers.values()) assert(value.readUInt32BE(1) > nowS - LIFETIME_S, 'not swept')
    }
  }
}

/** Holds all that Redis has against the model. */
export function agree(model: Model, { swarms, keys }: Stored, nowS: number): void {
  for (const hash of HASHES) {
    const hex = hash.toString('hex')
    const swarm = swarms.get(hex)
    const expected = model.swarms.get(hex)
    assert.equal(swarm !== undefined, expected !== undefined, 'existence')
    if (!swarm || !expected) continue
    assert.deepEqual(swarm.counts, model.counts(hex), 'counts')
    assert.equal(swarm.peers.size, expected.peers.size, 'how many members')
    for (const [id, peer] of expected.peers) checkValue(swarm.peers.get(id), peer, model.policy.peerDetails)
    assert.equal(swarm.done.size, expected.done.size, 'how many completed downloads are remembered')
    for (const id of expected.done.keys()) assert(swarm.done.has(id), 'a completed download that is forgotten')
  }
  for (const shard of SHARDS) checkShard(model, swarms, keys, shard, nowS)
  checkAccounts(model, keys)
  assert.deepEqual(eventsIn(keys), model.events, 'events')
}

/** What the stream tells of each torrent, in order. Of two torrents that a sweep drops, either may be the first. */
function eventsIn(keys: Snapshot): Map<string, string[]> {
  const told = (keys.get('events') ?? []).map(String)
  const events = new Map<string, string[]>()
  for (let i = 0; i < told.length; i += 4) {
    const [event, kind = '', infoHash, hex = ''] = told.slice(i, i + 4)
    assert.deepEqual([event, infoHash], ['event', 'info_hash'], 'fields of an event')
    events.set(hex, [...(events.get(hex) ?? []), kind])
  }
  return events
}

function checkShard(model: Model, swarms: Map<string, RawSwarm>, keys: Snapshot, shard: string, nowS: number): void {
  const dues = duesOf(keys, shard)
  const sum = { torrents: 0, seeders: 0, leechers: 0, completed: 0 }
  const hexes = [...model.swarms.keys()].filter((hex) => hex.startsWith(shard))
  assert.deepEqual([...dues.keys()].sort(), hexes.sort(), 'index')
  for (const hex of hexes) {
    const counts = model.counts(hex)
    sum.torrents += 1
    for (const name of ['seeders', 'leechers', 'completed'] as const) sum[name] += counts[name]
    checkDue(dues.get(hex) as number, swarms.get(hex) as RawSwarm, nowS)
  }
  const totals = new Map(textPairs(keys.get(`totals:{${shard}}`)))
  for (const [name, count] of Object.entries(sum)) assert.equal(Number(totals.get(name) ?? 0), count, `total ${name}`)
  const listed = (keys.get(`whitelist:{${shard}}`) ?? []).map(String)
  assert.deepEqual(listed.sort(), [...model.whitelist].filter((hex) => hex.startsWith(shard)).sort(), 'whitelist')
}

/** When each torrent of a shard is due; one that rests for good is not. */
function duesOf(keys: Snapshot, shard: string): Map<string, number> {
  const scores = textPairs(keys.get(`torrents:{${shard}}`))
  return new Map(scores.map(([hex, due]) => [hex, due === 'inf' ? Number.POSITIVE_INFINITY : Number(due)]))
}

function textPairs(flat: readonly Buffer[] = []): [string, string][] {
  return flat.flatMap((name, i) => (i % 2 === 0 ? [[String(name), String(flat[i + 1])] as [string, string]] : []))
}

function checkDue(due: number, { peers, done, isSmall }: RawSwarm, nowS: number): void {
  // Where there is nobody and nothing to forget, a swarm may rest for good.
  if (peers.size === 0) {
    assert(done.size === 0 || due < Number.POSITIVE_INFINITY, 'never due')
    return
  }
  let earliest = Number.POSITIVE_INFINITY
  for (const value of peers.values()) earliest = Math.min(earliest, value.readUInt32BE(1) + LIFETIME_S)
  const slack = isSmall ? 0 : LARGE_SWARM_RESTS_S
  assert(due <= Math.max(earliest, nowS) + slack, `due at ${due}, but a peer can expire at ${earliest}`)
}

function checkValue(value: Buffer | undefined, peer: ModelPeer, peerDetails: boolean): void {
  assert(value, 'a peer that is not stored')
  assert.equal(value.length, peerDetails ? 50 : 5, 'bytes of a peer')
  const isRight = value[0] === Number(peer.isSeeder) && value.readUInt32BE(1) === peer.announcedS
  const areDetailsRight = !peerDetails || (value.compare(peer.report, 0, 44, 5, 49) === 0 && value[49] === peer.event)
  assert(isRight && areDetailsRight, 'details')
}

function checkAccounts(model: Model, keys: Snapshot): void {
  const sums: Record<string, bigint> = {}
  for (const shard of SHARDS) {
    for (const [field, bytes] of textPairs(keys.get(`accounts:{${shard}}`))) {
      sums[field] = (sums[field] ?? 0n) + BigInt(bytes)
    }
  }
  const expected: Record<string, bigint> = {}
  for (const [passkey, { up, down }] of model.accounts) {
    if (up > 0n) expected[`${passkey}:up`] = up
    if (down > 0n) expected[`${passkey}:down`] = down
  }
  assert.deepEqual(sums, expected, 'accounts')
}
