import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { auditAll } from '../../lib/store/audit.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { chunkCount, chunkOf, makeRememberedChunks } from '../../lib/store/remembered-chunks.ts'
import { makeScript, runScript } from '../../lib/store/scripts.ts'
import { makeShardSweeper } from '../../lib/store/sweep.ts'
import type { StoredAnnounce, StoredReply } from '../../lib/swarm/store.ts'
import { EVENT } from '../../lib/wire/announce.ts'
import type { Endpoint } from '../../lib/wire/endpoint.ts'
import { type InfoHash, infoHashFromHex } from '../../lib/wire/info-hash.ts'
import { readSwarm } from '../support/read-swarm.ts'
import { useRedis } from '../support/redis.ts'
import { announceOf, at, hashOf, storeOn } from '../support/store.ts'

const server = useRedis()
const A = hashOf('a')
const keys = makeKeys('')
const LIFETIME_S = 3900

/** A head's last bytes: chunks of each list, and the salt. */
function chunksOf(counts: readonly number[], salt: number): Buffer {
  const bytes = Buffer.alloc(12)
  for (const [list, count] of counts.entries()) bytes.writeUInt16BE(count, 2 * list)
  bytes.writeUInt32BE(salt, 8)
  return bytes
}

const headOf = (counts: readonly number[], salt = 7) => Buffer.concat([Buffer.alloc(12), chunksOf(counts, salt)])

describe('the chunk of an endpoint', () => {
  const CHUNK_OF = makeScript(
    'chunk_of_many',
    `${readFileSync(new URL('../../lib/store/lua/include/chunk_of.lua', import.meta.url), 'utf8')}
return function(KEYS, ARGV)
  local numbers = {}
  for i = 1, #ARGV, 3 do numbers[#numbers + 1] = chunkOf(ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])) end
  return numbers
end
`,
  )
  const bytesArb = (bytes: number) =>
    fc.oneof(
      fc.uint8Array({ minLength: bytes, maxLength: bytes }),
      fc.constantFrom(0, 255).map((byte) => new Uint8Array(bytes).fill(byte)),
    )
  const caseArb = fc.record({
    // Those that a swarm is made with.
    salt: fc.integer({ min: 2, max: 1_048_572 }),
    chunks: fc.oneof(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: 65_535 })),
    endpoint: fc.oneof(bytesArb(6), bytesArb(18)).map((bytes) => Buffer.from(bytes) as unknown as Endpoint),
    list: fc.constantFrom(0, 1, 2, 3),
  })

  it('is the same to a frontend and to the script', () =>
    fc.assert(
      fc.asyncProperty(fc.array(caseArb, { minLength: 1, maxLength: 300, size: 'max' }), async (cases) => {
        const args = cases.flatMap(({ salt, chunks, endpoint }) => [headOf([0, 0, 0, 0], salt), endpoint, chunks])
        const own = cases.map(({ salt, chunks, endpoint, list }) => {
          const counts = [0, 0, 0, 0].with(list, chunks)
          // Somewhere among those of other swarms.
          const bytes = Buffer.concat([randomBytes(12), chunksOf(counts, salt)])
          return chunkOf(bytes, 12, list, endpoint)
        })
        expect(own).toEqual(await runScript(server().redis, CHUNK_OF, [], args))
      }),
      { numRuns: 60 },
    ))
})

describe('what a frontend remembers of large swarms', () => {
  const hexOf = (infoHash: InfoHash) => Buffer.from(infoHash.toString('hex'))
  const LARGE = headOf([3, 1, 1, 1])

  it('is nothing of a small one, nor of what is no head', () => {
    const memory = makeRememberedChunks()
    memory.learn(hexOf(A), 0, headOf([0, 0, 0, 0]))
    memory.learn(hexOf(A), 0, LARGE.subarray(1))
    expect(memory.find(hexOf(A), 0)).toBeUndefined()
    for (const list of [0, 1, 2, 3]) {
      memory.learn(hexOf(A), 0, headOf([0, 0, 0, 0].with(list, 2)))
      const found = memory.find(hexOf(A), 0) as number
      expect([0, 1, 2, 3].map((each) => chunkCount(memory.bytes, found, each))).toEqual([0, 0, 0, 0].with(list, 2))
    }
    memory.learn(hexOf(A), 0, headOf([0, 0, 0, 0]))
    expect(memory.find(hexOf(A), 0)).toBeUndefined()
  })

  /** Another swarm whose place in the memory is the same. */
  function slotMateOf(infoHash: InfoHash): InfoHash {
    const memory = makeRememberedChunks()
    memory.learn(hexOf(infoHash), 0, LARGE)
    // One of 131,072 is.
    for (let tries = 0; tries < 2_000_000; tries++) {
      const other = infoHashFromHex(randomBytes(20).toString('hex')) as InfoHash
      memory.learn(hexOf(other), 0, LARGE)
      if (memory.find(hexOf(infoHash), 0) === undefined) return other
    }
    throw new Error('no swarm has the same place')
  }

  it('is of the one that was seen last, where two have one place', async () => {
    const other = slotMateOf(A)
    const memory = makeRememberedChunks()
    memory.learn(hexOf(A), 0, LARGE)
    memory.learn(hexOf(other), 0, headOf([0, 0, 0, 0]))
    expect(memory.find(hexOf(A), 0)).toBeDefined()
    memory.learn(hexOf(other), 0, headOf([1, 1, 1, 9]))
    expect(memory.find(hexOf(A), 0)).toBeUndefined()
    expect(chunkCount(memory.bytes, memory.find(hexOf(other), 0) as number, 3)).toBe(9)
    memory.learn(hexOf(A), 0, headOf([0, 0, 0, 0]))
    expect(memory.find(hexOf(other), 0)).toBeDefined()

    // The store serves both, whichever it remembers.
    const { redis } = server()
    const store = storeOn(redis)
    const crowd = (infoHash: InfoHash) =>
      Array.from({ length: 200 }, (_, i) => announceOf({ infoHash, endpoint: at('192.0.2.1', 1000 + i), numwant: 5 }))
    for (let round = 0; round < 3; round++) {
      const mixed = crowd(A).flatMap((announce, i) => [announce, crowd(other)[i] as StoredAnnounce])
      const replies = await store.announce(mixed)
      expect(replies.at(-1)).toMatchObject({ ok: true, leechers: 200, seeders: 0 })
    }
    for (const hash of [A, other]) expect((await readSwarm(redis, hash.toString('hex')))?.peers.size).toBe(200)
    expect((await auditAll({ redis, keys, peerLifetimeS: LIFETIME_S })).drift).toBe(0)
  })
})

describe('a frontend whose memory of a swarm is old', () => {
  let nowS = 1_764_000_000
  const peer = (i: number, changes: Partial<StoredAnnounce> = {}) =>
    announceOf({ endpoint: at('192.0.2.1', 1000 + i), numwant: 20, ...changes })
  const peers = (from: number, to: number, changes: Partial<StoredAnnounce> = {}) =>
    Array.from({ length: to - from }, (_, i) => peer(from + i, changes))
  const stops = (from: number, to: number) => peers(from, to, { event: EVENT.stopped })
  type Announce = (all: StoredAnnounce[]) => Promise<unknown>
  /** What another frontend does to a swarm of 300 leechers, and how many are left. */
  const changes: [name: string, left: number, change: (announce: Announce, announceOwn: Announce) => unknown][] = [
    ['split', 900, (announce) => announce(peers(300, 900))],
    ['merge', 60, (announce) => announce(stops(60, 300))],
    ['empty', 0, (announce) => announce(stops(0, 300))],
    [
      'empty and grow anew',
      40,
      async (announce) => {
        await announce(stops(0, 300))
        await announce(peers(0, 40))
      },
    ],
    [
      'empty and be small',
      5,
      async (announce) => {
        await announce(stops(0, 300))
        await announce(peers(0, 5))
      },
    ],
    [
      'be swept',
      0,
      async () => {
        nowS += LIFETIME_S + 1
        const sweep = makeShardSweeper({ redis: server().redis, keys, peerLifetimeS: LIFETIME_S, nowS: () => nowS })
        while ((await sweep('a00')).hasMore);
      },
    ],
    ['change roles', 300, (announce) => announce(peers(0, 290, { isSeeder: true }))],
    [
      'go, and come to be again of as many chunks',
      70,
      async (announce, announceOwn) => {
        const chunks = async () =>
          (await server().redis.hgetBuffer(keys.swarm(A.toString('hex')), 'head'))?.toString('hex', 12, 20)
        await server().redis.flushall()
        await announceOwn(peers(0, 70))
        await announceOwn([peer(0)])
        // Two, nearly always.
        for (const before = await chunks(); ; ) {
          await server().redis.flushall()
          await announce(peers(0, 70))
          if ((await chunks()) === before) return
        }
      },
    ],
    ['go, and another come in its place', 0, () => server().redis.flushall()],
  ]

  /** Each of these on its own, since what the first is answered is remembered. */
  const asks: [name: string, ask: (left: number) => { announces: StoredAnnounce[]; peersAfter: number }][] = [
    ['one that wants few', (left) => ({ announces: [peer(2000, { numwant: 3 })], peersAfter: left + 1 })],
    ['known peers', (left) => ({ announces: peers(0, left), peersAfter: left })],
    ['a new peer', (left) => ({ announces: [peer(2000)], peersAfter: left + 1 })],
    [
      'new peers, and the same again',
      (left) => ({ announces: [...peers(2000, 2100), ...peers(2000, 2100)], peersAfter: left + 100 }),
    ],
    [
      'a peer that changes roles',
      (left) => ({ announces: [peer(0, { isSeeder: true })], peersAfter: Math.max(1, left) }),
    ],
    [
      'a peer that stops',
      (left) => ({ announces: [peer(0, { event: EVENT.stopped })], peersAfter: Math.max(0, left - 1) }),
    ],
    [
      'a peer that stops and was never there',
      (left) => ({ announces: [peer(3000, { event: EVENT.stopped })], peersAfter: left }),
    ],
    [
      'one that asks for peer ids',
      (left) => ({ announces: [peer(2000, { wantsPeerIds: true, isSeeder: true })], peersAfter: left + 1 }),
    ],
  ]

  const cases = changes.flatMap(([change, left, make]) => asks.map(([ask, of]) => ({ change, ask, left, make, of })))
  it.each(cases)('since others made it $change answers right: $ask', async ({ left, make, of }) => {
    const { redis } = server()
    const [stale, other] = [storeOn(redis, {}, () => nowS), storeOn(redis, {}, () => nowS)]
    await stale.announce(peers(0, 300))
    await stale.announce([peer(0)])
    await make(other.announce, stale.announce)
    const { announces, peersAfter } = of(left)
    const known = new Set((await readSwarm(redis, A.toString('hex')))?.peers.keys())
    for (const { endpoint } of announces) known.add(endpoint.toString('hex'))
    const replies = await stale.announce(announces)
    checkReplies(replies, announces, known)
    const swarm = await readSwarm(redis, A.toString('hex'))
    expect(swarm?.peers.size ?? 0).toBe(peersAfter)
    const last = replies.at(-1)
    if (last?.ok) expect(last.leechers + last.seeders).toBe(peersAfter)
    expect((await auditAll({ redis, keys, peerLifetimeS: LIFETIME_S })).drift).toBe(0)
  })

  /** Whole endpoints of the swarm's, and as many as were wanted where there are so many. */
  function checkReplies(replies: readonly StoredReply[], announces: readonly StoredAnnounce[], known: Set<string>) {
    for (const [i, reply] of replies.entries()) {
      const { numwant, wantsPeerIds, isSeeder, event } = announces[i] as StoredAnnounce
      if (!reply.ok) throw new Error(reply.refusal)
      const width = wantsPeerIds ? 26 : 6
      expect(reply.peers.length % width).toBe(0)
      const told = Array.from({ length: reply.peers.length / width }, (_, k) =>
        reply.peers.toString('hex', k * width, k * width + 6),
      )
      for (const endpoint of told) expect(known).toContain(endpoint)
      expect(new Set(told).size).toBe(told.length)
      const others = isSeeder ? reply.leechers : reply.leechers + reply.seeders - 1
      const least = event === EVENT.stopped ? 0 : Math.min(numwant, others - (wantsPeerIds ? 1 : 0))
      expect(told.length).toBeGreaterThanOrEqual(least)
    }
  }
})
