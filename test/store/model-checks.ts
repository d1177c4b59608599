import assert from 'node:assert/strict'
import type { Redis } from 'ioredis'
import { choosePeers } from '../../lib/swarm/announce.ts'
import type { StoredAnnounce, StoredReply } from '../../lib/swarm/store.ts'
import { EVENT } from '../../lib/wire/announce.ts'
import type { Endpoint } from '../../lib/wire/endpoint.ts'
import type { InfoHash } from '../../lib/wire/info-hash.ts'
import type { Model } from '../support/model.ts'
import { readSwarm } from '../support/read-swarm.ts'
import type { storeOn } from '../support/store.ts'
import { HASHES } from './model-steps.ts'

/** How long a peer lives in the model's tests. */
export const LIFETIME_S = 3900

/** Nine of ten peers of a swarm say goodbye: its chunks are left nearly empty. */
export function stopsOf(model: Model, hash: InfoHash): StoredAnnounce[] {
  const peers = [...(model.swarms.get(hash.toString('hex'))?.peers ?? [])].filter((_, i) => i % 10 !== 0)
  return peers.map(([id, peer]) => ({
    infoHash: hash,
    endpoint: Buffer.from(id, 'hex') as Endpoint,
    report: Buffer.from(peer.report, 'hex'),
    event: EVENT.stopped,
    isSeeder: peer.isSeeder,
    numwant: 0,
    wantsPeerIds: false,
    passkey: '',
  }))
}

export function checkReplies(model: Model, announces: StoredAnnounce[], replies: StoredReply[], nowS: number): void {
  assert.equal(replies.length, announces.length)
  for (const [i, announce] of announces.entries()) {
    const reply = replies[i]
    assert(reply?.ok, 'an announce was refused')
    model.announce(announce, nowS)
    const { seeders, leechers, completed } = reply
    assert.deepEqual({ seeders, leechers, completed }, model.counts(announce.infoHash.toString('hex')))
    checkPeers(model, announce, reply.peers)
  }
}

function checkPeers(model: Model, announce: StoredAnnounce, raw: Buffer): void {
  if (announce.event === EVENT.stopped || announce.numwant === 0) {
    assert.equal(raw.length, 0)
    return
  }
  if (announce.wantsPeerIds) {
    checkPeersWithIds(model, announce, raw)
    return
  }
  const width = announce.endpoint.length
  const idsOf = (peers: Buffer) =>
    Array.from({ length: peers.length / width }, (_, k) => peers.subarray(k * width, (k + 1) * width).toString('hex'))
  const all = idsOf(raw)
  assert.equal(new Set(all).size, all.length, 'a peer twice')
  const tellable = model.tellable(announce)
  const own = announce.endpoint.toString('hex')
  for (const id of all) {
    assert(tellable.seeders.has(id) || tellable.leechers.has(id) || (id === own && !announce.isSeeder), 'a wrong peer')
  }
  const available = tellable.seeders.size + tellable.leechers.size
  const told = idsOf(choosePeers(raw, announce.endpoint, announce.numwant, Math.random))
  assert(!told.includes(own), 'itself')
  assert.equal(told.length, Math.min(announce.numwant, available), 'as many as wanted')
  const seedersTold = all.filter((id) => tellable.seeders.has(id)).length
  assert(seedersTold >= Math.min(announce.numwant, tellable.seeders.size), 'seeders first')
}

/** With peer ids, the script itself cuts: exactly as many as wanted, never itself, each with the id it announced. */
function checkPeersWithIds(model: Model, announce: StoredAnnounce, raw: Buffer): void {
  const width = announce.endpoint.length + 20
  const tellable = model.tellable(announce)
  const told = new Set<string>()
  for (let at = 0; at < raw.length; at += width) {
    const id = raw.toString('hex', at, at + announce.endpoint.length)
    assert(tellable.seeders.has(id) || tellable.leechers.has(id), 'a wrong peer')
    const peer = model.swarms.get(announce.infoHash.toString('hex'))?.peers.get(id)
    assert.equal(raw.toString('hex', at + announce.endpoint.length, at + width), peer?.report.slice(0, 40), 'peer id')
    told.add(id)
  }
  const available = tellable.seeders.size + tellable.leechers.size
  assert.equal(told.size, Math.min(announce.numwant, available), 'as many as wanted')
  assert.equal(told.size * width, raw.length, 'a peer twice')
}

export async function agreeOnSweep(redis: Redis, model: Model, nowS: number, isWhole: boolean): Promise<void> {
  const cutoffS = nowS - LIFETIME_S
  for (const hash of HASHES) {
    const hex = hash.toString('hex')
    const swarm = await readSwarm(redis, hex)
    const wronged = model.sweep(hex, new Set(swarm?.peers.keys()), swarm?.done ?? new Set(), cutoffS)
    assert.deepEqual(wronged, [], 'swept before its time')
    if (!isWhole) continue
    for (const peer of model.swarms.get(hex)?.peers.values() ?? []) {
      // A large swarm rests for a thirteenth of a lifetime between two looks.
      assert(peer.announcedS > cutoffS - LIFETIME_S / 13 - 1, 'not swept in time')
    }
  }
}

export async function agree(
  redis: Redis,
  model: Model,
  store: ReturnType<typeof storeOn>,
  nowS: number,
): Promise<void> {
  const totals = new Map<string, Record<string, number>>()
  const scraped = await store.scrape(HASHES)
  for (const [i, hash] of HASHES.entries()) {
    const hex = hash.toString('hex')
    const shard = hex.slice(0, 3)
    const swarm = await readSwarm(redis, hex)
    const expected = model.swarms.get(hex)
    assert.equal(swarm !== undefined, expected !== undefined, 'existence')
    const due = await redis.zscore(`torrents:{${shard}}`, hex)
    assert.equal(due !== null, expected !== undefined, 'index')
    assert.deepEqual(scraped[i], model.counts(hex), 'scrape')
    const sum = totals.get(shard) ?? { torrents: 0, seeders: 0, leechers: 0, completed: 0 }
    totals.set(shard, sum)
    if (!swarm || !expected) continue
    const counts = model.counts(hex)
    for (const [name, count] of Object.entries({ torrents: 1, ...counts })) sum[name] = (sum[name] ?? 0) + count
    assert.deepEqual(swarm.counts, counts, 'counts')
    assert.deepEqual([...swarm.peers.keys()].sort(), [...expected.peers.keys()].sort(), 'members')
    assert.deepEqual([...swarm.done].sort(), [...expected.done.keys()].sort(), 'completed downloads remembered')
    checkDue(
      Number(due),
      [...expected.peers.values()].map((peer) => peer.announcedS),
      swarm.isSmall,
      nowS,
    )
    for (const [id, value] of swarm.peers) checkValue(value, expected.peers.get(id))
  }
  for (const [shard, sum] of totals) {
    const stored = await redis.hmget(`totals:{${shard}}`, ...Object.keys(sum))
    assert.deepEqual(stored.map(Number), Object.values(sum), 'totals')
  }
  await checkAccounts(redis, model)
}

function checkDue(due: number, announced: number[], isSmall: boolean, nowS: number): void {
  if (announced.length === 0) return
  const earliest = Math.min(...announced) + LIFETIME_S
  const slack = isSmall ? 0 : LIFETIME_S / 13
  assert(due <= Math.max(earliest, nowS) + slack, `due at ${due}, but a peer can expire at ${earliest}`)
}

function checkValue(
  value: Buffer,
  peer: { isSeeder: boolean; announcedS: number; report: string; event: number } | undefined,
) {
  assert(peer)
  const { isSeeder, announcedS, report, event } = peer
  const stored = [value[0] === 1, value.readUInt32BE(1), value.subarray(5, 49).toString('hex'), value[49]]
  assert.deepEqual(stored, [isSeeder, announcedS, report, event], 'details')
}

async function checkAccounts(redis: Redis, model: Model): Promise<void> {
  const sums: Record<string, bigint> = {}
  for (const shard of ['0a1', 'f00']) {
    for (const [field, value] of Object.entries(await redis.hgetall(`accounts:{${shard}}`))) {
      sums[field] = (sums[field] ?? 0n) + BigInt(value)
    }
  }
  for (const [passkey, { up, down }] of model.accounts) {
    assert.deepEqual([sums[`${passkey}:up`] ?? 0n, sums[`${passkey}:down`] ?? 0n], [up, down], 'accounts')
  }
}
