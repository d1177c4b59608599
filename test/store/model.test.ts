import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Redis } from 'ioredis'
import { describe, it } from 'vitest'
import { makeKeys } from '../../lib/store/keys.ts'
import { makeShardSweeper } from '../../lib/store/sweep.ts'
import { choosePeers } from '../../lib/swarm/announce.ts'
import type { StoredAnnounce, StoredReply } from '../../lib/swarm/store.ts'
import { EVENT, type Event, makeReport } from '../../lib/wire/announce.ts'
import { type Endpoint, toEndpoint } from '../../lib/wire/endpoint.ts'
import { Model } from '../support/model.ts'
import { readSwarm } from '../support/read-swarm.ts'
import { useRedis } from '../support/redis.ts'
import { hashOf, storeOn } from '../support/store.ts'

const LIFETIME_S = 3900
/** Two swarms of one shard and one of another. */
const HASHES = ['0a1b', '0a1c', 'f00'].map(hashOf)

type Step =
  | { kind: 'announces'; announces: StoredAnnounce[] }
  | { kind: 'wait'; seconds: number }
  | { kind: 'sweep' }
  | { kind: 'flush scripts' }

const endpointOf = (number: number, isIpv6: boolean): Endpoint =>
  toEndpoint(isIpv6 ? `2001:db8::${(number % 7) + 1}` : `192.0.2.${(number % 200) + 1}`, 1000 + number) as Endpoint

const announceArb = (endpointsMax: number): fc.Arbitrary<StoredAnnounce> =>
  fc
    .record({
      hash: fc.constantFrom(...HASHES),
      number: fc.integer({ min: 0, max: endpointsMax - 1 }),
      isIpv6: fc.constantFrom(false, false, false, true),
      isSeeder: fc.boolean(),
      event: fc.constantFrom<Event>(0, 0, 0, EVENT.completed, EVENT.started, EVENT.stopped),
      numwant: fc.constantFrom(0, 1, 5, 30, 50, 200),
      moved: fc.nat(1_000_000),
      passkey: fc.constantFrom('', '', 'alice', 'bob'),
    })
    .map(({ hash, number, isIpv6, isSeeder, event, numwant, moved, passkey }) => ({
      infoHash: hash,
      endpoint: endpointOf(number, isIpv6),
      report: makeReport(Buffer.alloc(20, number), BigInt(moved), isSeeder ? 0n : 7n, BigInt(moved * 2)),
      event,
      isSeeder,
      numwant,
      wantsPeerIds: false,
      passkey,
    }))

/** Many new peers at once, so that swarms pass every size where their layout changes. */
const crowdArb: fc.Arbitrary<StoredAnnounce[]> = fc
  .record({
    hash: fc.constantFrom(...HASHES),
    from: fc.nat(500),
    count: fc.integer({ min: 10, max: 250 }),
    role: fc.nat(2),
  })
  .map(({ hash, from, count, role }) =>
    Array.from({ length: count }, (_, i) => ({
      infoHash: hash,
      endpoint: endpointOf(from + i, role === 2 && i % 3 === 0),
      report: makeReport(Buffer.alloc(20, i), 0n, role === 1 ? 0n : 7n, 0n),
      event: EVENT.started,
      isSeeder: role === 1,
      numwant: 30,
      wantsPeerIds: false,
      passkey: '',
    })),
  )

const stepArb = (endpointsMax: number): fc.Arbitrary<Step> =>
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc
        .array(announceArb(endpointsMax), { minLength: 1, maxLength: 60 })
        .map((announces): Step => ({ kind: 'announces', announces })),
    },
    {
      weight: endpointsMax > 30 ? 2 : 0,
      arbitrary: crowdArb.map((announces): Step => ({ kind: 'announces', announces })),
    },
    { weight: 2, arbitrary: fc.integer({ min: 1, max: 3000 }).map((seconds): Step => ({ kind: 'wait', seconds })) },
    { weight: 2, arbitrary: fc.constant<Step>({ kind: 'sweep' }) },
    { weight: 1, arbitrary: fc.constant<Step>({ kind: 'flush scripts' }) },
  )

/** Runs steps on Redis and on the model, and holds the one against the other after each. */
async function run(redis: Redis, steps: readonly Step[]): Promise<void> {
  await redis.flushall()
  const model = new Model()
  let nowS = 1_764_000_000
  const store = storeOn(redis, { peerLifetimeS: LIFETIME_S }, () => nowS)
  const sweepShard = makeShardSweeper({ redis, keys: makeKeys(''), peerLifetimeS: LIFETIME_S, nowS: () => nowS })
  for (const step of steps) {
    switch (step.kind) {
      case 'announces':
        checkReplies(model, step.announces, await store.announce(step.announces), nowS)
        break
      case 'wait':
        nowS += step.seconds
        break
      case 'sweep':
        for (const shard of ['0a1', 'f00']) {
          while (true) {
            const piece = await sweepShard(shard)
            assert.deepEqual(piece.damaged, [])
            if (!piece.hasMore) break
          }
        }
        await agreeOnSweep(redis, model, nowS)
        break
      case 'flush scripts':
        await redis.script('FLUSH')
        break
      default: {
        const missed: never = step
        throw new Error(`unhandled step ${String(missed)}`)
      }
    }
    await agree(redis, model, store, nowS)
  }
}

function checkReplies(model: Model, announces: StoredAnnounce[], replies: StoredReply[], nowS: number): void {
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

async function agreeOnSweep(redis: Redis, model: Model, nowS: number): Promise<void> {
  const cutoffS = nowS - LIFETIME_S
  for (const hash of HASHES) {
    const hex = hash.toString('hex')
    const swarm = await readSwarm(redis, hex)
    const wronged = model.sweep(hex, new Set(swarm?.peers.keys()), swarm?.done ?? new Set(), cutoffS)
    assert.deepEqual(wronged, [], 'swept before its time')
    for (const peer of model.swarms.get(hex)?.peers.values() ?? []) {
      // A large swarm rests for a thirteenth of a lifetime between two looks.
      assert(peer.announcedS > cutoffS - LIFETIME_S / 13 - 1, 'not swept in time')
    }
  }
}

async function agree(redis: Redis, model: Model, store: ReturnType<typeof storeOn>, nowS: number): Promise<void> {
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

describe('the swarms in Redis', () => {
  const server = useRedis()

  it('agree with the model in small swarms, whatever happens in whatever order', () =>
    fc.assert(
      fc.asyncProperty(fc.array(stepArb(15), { minLength: 1, maxLength: 20, size: 'max' }), (steps) =>
        run(server().redis, steps),
      ),
      { numRuns: 200 },
    ))

  it('agree with the model in swarms that grow past every change of layout and shrink again', () =>
    fc.assert(
      fc.asyncProperty(fc.array(stepArb(700), { minLength: 1, maxLength: 25, size: 'max' }), (steps) =>
        run(server().redis, steps),
      ),
      { numRuns: 100 },
    ))
})
