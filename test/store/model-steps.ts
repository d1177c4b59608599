import fc from 'fast-check'
import type { StoredAnnounce } from '../../lib/swarm/store.ts'
import { EVENT, type Event, makeReport } from '../../lib/wire/announce.ts'
import { type Endpoint, toEndpoint } from '../../lib/wire/endpoint.ts'
import type { InfoHash } from '../../lib/wire/info-hash.ts'
import { hashOf } from '../support/store.ts'

/** Two swarms of one shard and one of another. */
export const HASHES = ['0a1b', '0a1c', 'f00'].map(hashOf)

/** One thing that happens to the swarms. */
export type Step =
  | { kind: 'announces'; announces: StoredAnnounce[] }
  | { kind: 'wait'; seconds: number }
  | { kind: 'sweep' }
  | { kind: 'piece of a sweep' }
  | { kind: 'mass stop'; hash: InfoHash }
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
      wantsPeerIds: fc.constantFrom(false, false, false, true),
    })
    .map(({ hash, number, isIpv6, isSeeder, event, numwant, moved, passkey, wantsPeerIds }) => ({
      infoHash: hash,
      endpoint: endpointOf(number, isIpv6),
      report: makeReport(Buffer.alloc(20, number), BigInt(moved), isSeeder ? 0n : 7n, BigInt(moved * 2)),
      event,
      isSeeder,
      numwant,
      wantsPeerIds,
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

/** Any step, with so many endpoints in play. */
export const stepArb = (endpointsMax: number): fc.Arbitrary<Step> =>
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
    { weight: 3, arbitrary: fc.constant<Step>({ kind: 'piece of a sweep' }) },
    { weight: 1, arbitrary: fc.constantFrom(...HASHES).map((hash): Step => ({ kind: 'mass stop', hash })) },
    { weight: 1, arbitrary: fc.constant<Step>({ kind: 'flush scripts' }) },
  )
