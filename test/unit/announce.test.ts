import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AccessCheck, privateAccess } from '../../lib/swarm/access.ts'
import { type AnnouncePolicy, choosePeers, INTERVAL_SPREAD, makeAnnouncer } from '../../lib/swarm/announce.ts'
import type { EarlyAnnounces } from '../../lib/swarm/early-announces.ts'
import type { Refusal, StoredAnnounce, StoredReply } from '../../lib/swarm/store.ts'
import { type AnnounceRequest, EVENT, makeReport } from '../../lib/wire/announce.ts'
import { type Endpoint, toEndpoint } from '../../lib/wire/endpoint.ts'
import type { InfoHash } from '../../lib/wire/info-hash.ts'

const POLICY: AnnouncePolicy = {
  intervalS: () => 1800,
  minIntervalS: 900,
  numwantDefault: 50,
  numwantMax: 200,
  peerDetails: true,
}
const PEERS_MAX = 242

/** Peers by number: `10.0.x.y` and `2001:db8::xxxx`, all on one port. */
const peerOf = (number: number, isIpv6 = false): Endpoint =>
  toEndpoint(isIpv6 ? `2001:db8::${number.toString(16)}` : `10.0.${number >> 8}.${number & 255}`, 6881) as Endpoint
const peersOf = (numbers: readonly number[], isIpv6 = false): Buffer =>
  Buffer.concat(numbers.map((number) => peerOf(number, isIpv6)))
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
const split = (peers: Buffer, width: number): string[] =>
  Array.from({ length: peers.length / width }, (_, i) => peers.toString('hex', i * width, (i + 1) * width))

const requestOf = ({
  left = 1000n,
  ...changes
}: Partial<AnnounceRequest> & { left?: bigint } = {}): AnnounceRequest => ({
  infoHash: Buffer.alloc(20, 0xa1) as InfoHash,
  endpoint: peerOf(0),
  sender: peerOf(0),
  report: makeReport(Buffer.alloc(20, 'p'), 0n, left, 0n),
  event: EVENT.none,
  numwant: -1,
  wantsPeerIds: false,
  passkey: '',
  ...changes,
})

/** An announcer on a store that notes what it is asked and answers each announce with these peers. */
function announcerOn({ peers = Buffer.alloc(0), policy = {}, random = Math.random, refusal, ...rest }: Setup = {}) {
  const asked: StoredAnnounce[] = []
  const announce = async (announces: readonly StoredAnnounce[]): Promise<StoredReply[]> => {
    asked.push(...announces)
    return announces.map((_, i) =>
      refusal ? { ok: false, refusal } : { ok: true, seeders: i, leechers: 3, completed: 5, peers: Buffer.from(peers) },
    )
  }
  const announcer = makeAnnouncer({ store: { announce }, policy: { ...POLICY, ...policy }, random, ...rest })
  return {
    asked,
    announcer,
    async tell(request: AnnounceRequest, peersMax = PEERS_MAX) {
      const [outcome] = await announcer([request], peersMax)
      if (!outcome?.ok) throw new Error(outcome?.reason)
      return outcome
    },
  }
}
type Setup = {
  peers?: Buffer
  policy?: Partial<AnnouncePolicy>
  random?: () => number
  refusal?: Refusal
  access?: AccessCheck
  earlyAnnounces?: EarlyAnnounces
}

describe('an announcer', () => {
  it.each([
    ['its default to a client that leaves it open', { numwant: -1 }, PEERS_MAX, 50],
    ['its default for any other negative number', { numwant: -5 }, PEERS_MAX, 50],
    ['none to a client that wants none', { numwant: 0 }, PEERS_MAX, 0],
    ['as many as are wanted', { numwant: 1 }, PEERS_MAX, 1],
    ['its maximum to a client that wants more', { numwant: 1000 }, PEERS_MAX, 200],
    ['no more than a reply has room for', { numwant: 1000 }, 79, 79],
    ['no more than a reply has room for, by default', { numwant: -1 }, 30, 30],
    ['none to a client that stops', { numwant: 50, event: EVENT.stopped }, PEERS_MAX, 0],
    ['some to a client that completed', { numwant: 50, event: EVENT.completed }, PEERS_MAX, 50],
  ])('tells %s', async (_, changes, peersMax, count) => {
    const { tell, asked } = announcerOn({ peers: peersOf(upTo(300).slice(1)) })
    const outcome = await tell(requestOf(changes), peersMax)
    expect(asked[0]?.numwant).toBe(count)
    expect(outcome.peers).toHaveLength(count * 6)
  })

  it('hands the store what the client says, and whether it is a seeder', async () => {
    const { tell, asked } = announcerOn({ access: () => undefined })
    const request = requestOf({ event: EVENT.started, passkey: 'alice', endpoint: peerOf(7, true) })
    await tell(request)
    await tell(requestOf({ left: 0n }))
    const { infoHash, endpoint, report, event, passkey } = request
    expect(asked[0]).toEqual({
      ...{ infoHash, endpoint, report, event, passkey },
      ...{ isSeeder: false, numwant: 50, wantsPeerIds: false },
    })
    expect(asked[1]?.isSeeder).toBe(true)
  })

  it('hands on no passkey where anybody may use the tracker', async () => {
    const { tell, asked } = announcerOn()
    await tell(requestOf({ passkey: 'alice' }))
    expect(asked[0]?.passkey).toBe('')
  })

  it('of a private tracker tells each of many at its place why it is refused, and asks the store of the others only', async () => {
    const [good, old, strange] = ['g', 'o', 's'].map((char) => char.repeat(32)) as [string, string, string]
    const access = privateAccess((passkey) => (passkey === good ? 'valid' : passkey === old ? 'expired' : 'unknown'))
    const { announcer, asked } = announcerOn({ access })
    const passkeys = ['', good, 'short', old, good, strange, 'ü'.repeat(32)]
    const outcomes = await announcer(
      passkeys.map((passkey) => requestOf({ passkey })),
      PEERS_MAX,
    )
    expect(outcomes.map((outcome) => (outcome.ok ? outcome.seeders : outcome.reason))).toEqual([
      'this tracker is private: its URL must have your passkey, as in /announce/PASSKEY',
      0,
      "the passkey in the tracker's URL must be 32 letters and digits",
      'your passkey has expired',
      1,
      'unknown passkey',
      "the passkey in the tracker's URL must be 32 letters and digits",
    ])
    expect(asked.map(({ passkey }) => passkey)).toEqual([good, good])
  })

  it('answers each of many announces at its place, with the counts of the store', async () => {
    const { announcer, asked } = announcerOn()
    const requests = upTo(5).map((number) => requestOf({ endpoint: peerOf(number) }))
    const outcomes = await announcer(requests, PEERS_MAX)
    expect(asked.map(({ endpoint }) => endpoint)).toEqual(requests.map(({ endpoint }) => endpoint))
    expect(outcomes).toMatchObject(upTo(5).map((seeders) => ({ ok: true, seeders, leechers: 3, completed: 5 })))
  })

  it('spreads the interval by no more than a tenth, and tells the least one as it is set', async () => {
    const randomArb = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 86400 }), randomArb, async (intervalS, chance) => {
        const outcome = await announcerOn({ policy: { intervalS: () => intervalS }, random: () => chance }).tell(
          requestOf(),
        )
        expect(Number.isInteger(outcome.intervalS)).toBe(true)
        expect(outcome.intervalS).toBeGreaterThanOrEqual(intervalS)
        expect(outcome.intervalS).toBeLessThanOrEqual(Math.round(intervalS * (1 + INTERVAL_SPREAD)))
        expect(outcome.minIntervalS).toBe(900)
      }),
    )
    expect(INTERVAL_SPREAD).toBe(0.1)
  })

  it('uses the whole spread, so that clients do not come all at once', async () => {
    const told = async (chance: number) => (await announcerOn({ random: () => chance }).tell(requestOf())).intervalS
    expect([await told(0), await told(0.5), await told(0.9999)]).toEqual([1800, 1890, 1980])
  })

  it('passes peers with their ids on as the store gives them', async () => {
    const peers = Buffer.concat([peerOf(1), Buffer.alloc(20, 'A'), peerOf(2), Buffer.alloc(20, 'B')])
    const { tell, asked } = announcerOn({ peers })
    expect(await tell(requestOf({ wantsPeerIds: true }))).toMatchObject({ withPeerIds: true, peers })
    expect(asked[0]?.wantsPeerIds).toBe(true)
  })

  it('tells peers without ids where the store keeps none', async () => {
    const { tell, asked } = announcerOn({ peers: peersOf([0, 1]), policy: { peerDetails: false } })
    const outcome = await tell(requestOf({ wantsPeerIds: true }))
    expect(outcome).toMatchObject({ withPeerIds: false, peers: peersOf([1]) })
    expect(asked[0]?.wantsPeerIds).toBe(false)
  })

  it('asks for no peers in the name of who comes too early, at its place, and tells how long it has to wait', async () => {
    const count = () => ({ entries: [4, -1, -1], waitsS: [0, 77, 0] })
    const setup = { peers: peersOf([1]), earlyAnnounces: { count, takeBack: () => {} } }
    const { announcer, asked } = announcerOn(setup)
    const outcomes = await announcer([requestOf(), requestOf(), requestOf()], PEERS_MAX)
    expect(asked.map(({ numwant }) => numwant)).toEqual([50, 0, 50])
    expect(outcomes).toMatchObject([
      { ok: true, waitS: 0, peers: peersOf([1]) },
      { ok: true, waitS: 77, peers: Buffer.alloc(0) },
      { ok: true, waitS: 0, peers: peersOf([1]) },
    ])
  })

  it('takes back what was counted of announces that the store refuses, and of no others', async () => {
    const takenBack: number[] = []
    const earlyAnnounces = {
      count: () => ({ entries: [4, 5], waitsS: undefined }),
      takeBack: (entry: number) => void takenBack.push(entry),
    }
    await announcerOn({ earlyAnnounces }).announcer([requestOf(), requestOf()], PEERS_MAX)
    expect(takenBack).toEqual([])
    await announcerOn({ earlyAnnounces, refusal: 'away' }).announcer([requestOf(), requestOf()], PEERS_MAX)
    expect(takenBack).toEqual([4, 5])
  })

  it('counts no announce that is not admitted', async () => {
    let counted = 0
    const count = (requests: readonly AnnounceRequest[]) => {
      counted += requests.length
      return { entries: requests.map(() => -1), waitsS: undefined }
    }
    const access = (passkey: string) => (passkey === 'alice' ? undefined : 'who are you?')
    const { announcer } = announcerOn({ access, earlyAnnounces: { count, takeBack: () => {} } })
    await announcer([requestOf(), requestOf({ passkey: 'alice' }), requestOf()], PEERS_MAX)
    expect(counted).toBe(1)
  })

  const MINUTE_S = 60
  it('spreads over five minutes when those who are refused may come back', async () => {
    const toldAt = async (chance: number) => {
      const [outcome] = await announcerOn({ refusal: 'away', random: () => chance }).announcer([requestOf()], PEERS_MAX)
      return outcome?.ok === false && outcome.retryInS
    }
    expect([await toldAt(0), await toldAt(0.3), await toldAt(0.9999)]).toEqual([MINUTE_S, 2 * MINUTE_S, 5 * MINUTE_S])
  })

  it.each([
    ['unlisted', undefined, /not registered/],
    ['busy', 3 * MINUTE_S, /overloaded/],
    ['away', 3 * MINUTE_S, /unavailable \(its store is away\)/],
    ['slow', 3 * MINUTE_S, /is slow/],
    ['loading', 3 * MINUTE_S, /is loading/],
    ['read_only', 3 * MINUTE_S, /is read-only/],
    ['out_of_memory', 3 * MINUTE_S, /is out of memory/],
    ['failing_over', 3 * MINUTE_S, /is failing over/],
    ['damaged', 3 * MINUTE_S, /cannot serve/],
  ] as [Refusal, number | undefined, RegExp][])(
    'tells why where the store refuses: %s',
    async (refusal, retryInS, reason) => {
      const outcomes = await announcerOn({ refusal, random: () => 0.5 }).announcer([requestOf()], PEERS_MAX)
      expect(outcomes).toEqual([{ ok: false, cause: refusal, reason: expect.stringMatching(reason), retryInS }])
    },
  )
})

describe('the choice of peers', () => {
  const chanceArb = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

  it('is never oneself, has nobody twice and nobody made up, and is as many as wanted or as there are', () => {
    const peersArb = fc.uniqueArray(fc.nat(400), { maxLength: 255, size: 'max' })
    fc.assert(
      fc.property(
        peersArb,
        fc.nat(400),
        fc.nat(255),
        fc.boolean(),
        chanceArb,
        (numbers, own, numwant, isIpv6, chance) => {
          const width = isIpv6 ? 18 : 6
          const others = split(
            peersOf(
              numbers.filter((number) => number !== own),
              isIpv6,
            ),
            width,
          )
          const chosen = choosePeers(peersOf(numbers, isIpv6), peerOf(own, isIpv6), numwant, () => chance)
          const told = split(chosen, width)
          expect(chosen.length % width).toBe(0)
          expect(told).toHaveLength(Math.min(numwant, others.length))
          expect(new Set(told).size).toBe(told.length)
          expect(others).toEqual(expect.arrayContaining(told))
        },
      ),
      { numRuns: 300 },
    )
  })

  it('takes bytes that look like oneself across two peers for what they are', () => {
    const own = toEndpoint('1.2.3.4', 0x0506) as Endpoint
    const peers = Buffer.from('000000010203' + '040506000000' + '010203040506' + '070707070707', 'hex')
    const told = split(choosePeers(peers, own, 50, Math.random), 6)
    expect(told.sort()).toEqual(['000000010203', '040506000000', '070707070707'])
    const alike = toEndpoint('1.1.1.1', 0x0101) as Endpoint
    const overlapping = Buffer.from('000000010101' + '010101010101' + '010101000000', 'hex')
    expect(split(choosePeers(overlapping, alike, 50, Math.random), 6)).toEqual(['000000010101', '010101000000'])
  })

  it.each([1, 7, 25, 49])('is fair: with %i wanted of 50, each is told about as often as any other', (numwant) => {
    const own = peerOf(20)
    const times = new Map<string, number>()
    // An even sweep over all that chance can be: a fair choice is then exactly even, whatever way it goes round.
    const draws = 5000
    for (let draw = 0; draw < draws; draw++) {
      const chosen = choosePeers(peersOf(upTo(51)), own, numwant, () => (draw + 0.5) / draws)
      for (const peer of split(chosen, 6)) times.set(peer, (times.get(peer) ?? 0) + 1)
    }
    expect(times.size).toBe(50)
    expect([...new Set(times.values())]).toEqual([(draws * numwant) / 50])
  })

  it('differs from one time to the next', () => {
    const choose = () => choosePeers(peersOf(upTo(200)), peerOf(500), 50, Math.random).toString('hex')
    expect(new Set(Array.from({ length: 30 }, choose)).size).toBeGreaterThan(10)
  })
})
