import fc from 'fast-check'
import type { StoredAnnounce } from '../../lib/swarm/store.ts'
import { EVENT, type Event, makeReport } from '../../lib/wire/announce.ts'
import { type Endpoint, toEndpoint } from '../../lib/wire/endpoint.ts'
import type { InfoHash } from '../../lib/wire/info-hash.ts'
import { hashOf } from '../support/store.ts'

/** Two swarms of one shard and one of another. */
export const HASHES = ['0a1b', '0a1c', 'f00'].map(hashOf)

/** The first is in most of the crowds, so that it gets large. */
const CROWDED = [0, 0, 0, 1, 1, 2].map((i) => HASHES[i] as InfoHash)

/** Nobody completes a download of it, so that it can be gone again. */
const NEVER_COMPLETED = HASHES[1] as InfoHash

/** Their shards. */
export const SHARDS = ['0a1', 'f00'] as const

/** One thing that happens to the swarms. */
export type Step =
  | { kind: 'announces'; frontend: 0 | 1; announces: StoredAnnounce[] }
  /** Two frontends announce at the same time, and a sweeper may sweep meanwhile. */
  | { kind: 'race'; announces: [StoredAnnounce[], StoredAnnounce[]]; swept: (typeof SHARDS)[number] | undefined }
  | { kind: 'wait'; seconds: number }
  | { kind: 'sweep' }
  | { kind: 'piece of a sweep' }
  /** All peers of a swarm say goodbye, save each n-th; 0 keeps none. */
  | { kind: 'mass stop'; hash: InfoHash; keepEvery: number }
  | { kind: 'whitelist'; hash: InfoHash; isListed: boolean }
  | { kind: 'flush functions' }

/** What is played: steps under an operator's settings. */
export type Play = {
  listed: boolean
  peerDetails: boolean
  /** Whether what happens to torrents is told. */
  tellsEvents: boolean
  /** Peers of one swarm at most. */
  swarmPeersMax: number | undefined
  /** How long a swarm without peers is kept for its completed downloads. */
  completedLifetimeS: number | undefined
  /** The seed of all chance that the stores take. */
  chance: number
  steps: Step[]
}

/** How large the swarms get, and how long a play is. */
export type PlaySize = 'small' | 'large'

const SIZES = {
  small: { endpointsMax: 15, announcesMax: 40, crowdWeight: 0, stepsMax: 20, peersMax: [5, 12] },
  large: { endpointsMax: 700, announcesMax: 40, crowdWeight: 8, stepsMax: 25, peersMax: [100, 300] },
} as const

const endpoints = new Map<number, Endpoint>()

function endpointOf(number: number, isIpv6: boolean): Endpoint {
  const known = endpoints.get(isIpv6 ? -1 - number : number)
  if (known) return known
  const address = isIpv6 ? `2001:db8::${(number % 7) + 1}` : `192.0.2.${(number % 200) + 1}`
  const endpoint = toEndpoint(address, 1000 + number) as Endpoint
  endpoints.set(isIpv6 ? -1 - number : number, endpoint)
  return endpoint
}

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
      wantsPeerIds: fc.constantFrom(false, false, false, true),
      bar: fc.constantFrom(
        undefined,
        undefined,
        undefined,
        undefined,
        'torrents' as const,
        'address_torrents' as const,
      ),
    })
    .map(({ hash, number, isIpv6, isSeeder, event, numwant, moved, passkey, wantsPeerIds, bar }) => ({
      infoHash: hash,
      endpoint: endpointOf(number, isIpv6),
      report: makeReport(Buffer.alloc(20, number), BigInt(moved), isSeeder ? 0n : 7n, BigInt(moved * 2)),
      event: hash === NEVER_COMPLETED && event === EVENT.completed ? EVENT.none : event,
      isSeeder,
      numwant,
      wantsPeerIds,
      passkey,
      bar,
    }))

/** Many new peers at once, so that swarms pass every size where their layout changes. */
const crowdArb: fc.Arbitrary<StoredAnnounce[]> = fc
  .record({
    hash: fc.constantFrom(...CROWDED),
    from: fc.constantFrom(0, 150, 300, 450),
    count: fc.integer({ min: 10, max: 300 }),
    role: fc.constantFrom('leechers', 'seeders', 'completed'),
    ipv6Every: fc.constantFrom(0, 0, 3, 1),
  })
  .map(({ hash, from, count, role, ipv6Every }) =>
    Array.from({ length: count }, (_, i) => ({
      infoHash: hash,
      endpoint: endpointOf(from + i, ipv6Every > 0 && i % ipv6Every === 0),
      report: makeReport(Buffer.alloc(20, i), 0n, role === 'leechers' ? 7n : 0n, 0n),
      event: role === 'completed' && hash !== NEVER_COMPLETED ? EVENT.completed : EVENT.started,
      isSeeder: role !== 'leechers',
      numwant: i % 4 === 0 ? 30 : 0,
      wantsPeerIds: false,
      passkey: '',
    })),
  )

const stepArb = ({ endpointsMax, announcesMax, crowdWeight }: (typeof SIZES)[PlaySize]): fc.Arbitrary<Step> => {
  const fewArb = fc.array(announceArb(endpointsMax), { minLength: 1, maxLength: announcesMax, size: 'max' })
  const announcesArb = fc.oneof({ weight: 8, arbitrary: fewArb }, { weight: crowdWeight, arbitrary: crowdArb })
  const hashArb = fc.constantFrom(...HASHES)
  return fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constant('announces' as const),
        frontend: fc.constantFrom(0 as const, 1 as const),
        announces: announcesArb,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('race' as const),
        announces: fc.tuple(announcesArb, announcesArb),
        swept: fc.constantFrom(undefined, ...SHARDS),
      }),
    },
    {
      weight: 2,
      arbitrary: fc
        .oneof(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 3901, max: 8000 }), fc.constantFrom(3899, 3900))
        .map((seconds): Step => ({ kind: 'wait', seconds })),
    },
    { weight: 2, arbitrary: fc.constant<Step>({ kind: 'sweep' }) },
    { weight: 3, arbitrary: fc.constant<Step>({ kind: 'piece of a sweep' }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('mass stop' as const),
        hash: fc.constantFrom(...CROWDED),
        keepEvery: fc.constantFrom(0, 10, 10),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('whitelist' as const), hash: hashArb, isListed: fc.boolean() }),
    },
    { weight: 1, arbitrary: fc.constant<Step>({ kind: 'flush functions' }) },
  )
}

/** Nobody announces for long: all peers go, what was completed is forgotten, and the torrents that it was kept for may go. */
const silenceArb: fc.Arbitrary<Step[]> = fc
  .constantFrom(500, 999, 1001)
  .map((seconds) => [{ kind: 'wait', seconds: 8000 }, { kind: 'sweep' }, { kind: 'wait', seconds }, { kind: 'sweep' }])

/** Any play of this size. */
export const playArb = (size: PlaySize): fc.Arbitrary<Play> =>
  fc.record({
    listed: fc.constantFrom(false, false, true),
    peerDetails: fc.constantFrom(true, true, false),
    tellsEvents: fc.boolean(),
    swarmPeersMax: fc.constantFrom(undefined, undefined, undefined, ...SIZES[size].peersMax),
    completedLifetimeS: fc.constantFrom(undefined, 0, 1000, 1000),
    chance: fc.nat(),
    steps: fc
      .array(
        fc.oneof(
          { weight: 25, arbitrary: stepArb(SIZES[size]).map((step) => [step]) },
          { weight: 1, arbitrary: silenceArb },
        ),
        { minLength: 1, maxLength: SIZES[size].stepsMax, size: 'max' },
      )
      .map((steps) => steps.flat()),
  })
