import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { makeConnectionIds, type Standing } from '../../lib/wire/connection-id.ts'
import { type Endpoint, endpointFrom, toEndpoint, withPort } from '../../lib/wire/endpoint.ts'

const LIFETIME_S = 120
/** Half a lifetime: the key changes that often. */
const WINDOW_S = 60
/** One byte tells windows apart, so after this long the byte comes again. */
const ROUND_S = 256 * WINDOW_S
const NOW_S = 1_764_000_000

const at = (address: string, port = 6881): Endpoint => toEndpoint(address, port) as Endpoint
const makerOf = (secret = 'a secret', lifetimeS = LIFETIME_S) =>
  makeConnectionIds({ secret: Buffer.from(secret), lifetimeS })
type Maker = ReturnType<typeof makerOf>

const maker = makerOf()
const issue = (source: Endpoint, nowS: number, by: Maker = maker): Buffer => Buffer.from(by([source], nowS).issue(0))
const check = (source: Endpoint, connectionId: Buffer, nowS: number, by: Maker = maker): Standing =>
  by([source], nowS).check(0, connectionId)

const bytesArb = (length: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => Buffer.from(bytes))
const sourceArb = fc.oneof(bytesArb(6), bytesArb(18)) as fc.Arbitrary<Endpoint>
/** Any second, often one near where the byte of the window comes round. */
const nowArb = fc.oneof(
  fc.double({ min: 2 * ROUND_S, max: 4e9, noNaN: true }),
  fc
    .tuple(fc.integer({ min: 2, max: 1000 }), fc.double({ min: -200, max: 200, noNaN: true }))
    .map(([round, offset]) => round * ROUND_S + offset),
)

describe('a connection id', () => {
  it('is valid for its address, whatever the port', () => {
    fc.assert(
      fc.property(sourceArb, nowArb, fc.nat(65535), (source, nowS, port) => {
        const connectionId = issue(source, nowS)
        expect(connectionId).toHaveLength(8)
        expect(check(withPort(source, port), connectionId, nowS)).toBe('valid')
      }),
    )
  })

  it('is forged for any other address', () => {
    fc.assert(
      fc.property(sourceArb, sourceArb, nowArb, (source, other, nowS) => {
        fc.pre(!withPort(source, 0).equals(withPort(other, 0)))
        expect(check(other, issue(source, nowS), nowS)).toBe('forged')
      }),
    )
  })

  it('is forged where one byte of the address differs', () => {
    for (const [address, bytes] of [
      ['192.0.2.1', 4],
      ['2001:db8::1', 16],
    ] as const) {
      const connectionId = issue(at(address), NOW_S)
      for (let i = 0; i < bytes; i++) {
        const other = Buffer.from(at(address)) as unknown as Endpoint
        other[i] = (other[i] as number) ^ 1
        expect(check(other, connectionId, NOW_S)).toBe('forged')
      }
    }
  })

  it('is the same for an IPv4 address and its form in IPv6', () => {
    const mapped = endpointFrom(Buffer.from('00000000000000000000ffffc00002011ae1', 'hex')) as Endpoint
    expect(check(mapped, issue(at('192.0.2.1'), NOW_S), NOW_S)).toBe('valid')
  })

  it('is accepted by every frontend with the same secret, and forged with another', () => {
    fc.assert(
      fc.property(sourceArb, nowArb, (source, nowS) => {
        const connectionId = issue(source, nowS)
        expect(issue(source, nowS, makerOf())).toEqual(connectionId)
        expect(check(source, connectionId, nowS, makerOf())).toBe('valid')
        expect(check(source, connectionId, nowS, makerOf('another secret'))).toBe('forged')
      }),
    )
  })

  it('is forged with any one bit flipped', () => {
    const source = at('192.0.2.1')
    for (let bit = 0; bit < 64; bit++) {
      const connectionId = issue(source, NOW_S)
      connectionId[bit >> 3] = (connectionId[bit >> 3] as number) ^ (1 << (bit & 7))
      expect(check(source, connectionId, NOW_S)).toBe('forged')
    }
  })

  it('is accepted for its lifetime, whenever it was issued', () => {
    fc.assert(
      fc.property(sourceArb, nowArb, fc.double({ min: 0, max: LIFETIME_S, noNaN: true }), (source, nowS, ageS) => {
        expect(check(source, issue(source, nowS), nowS + ageS)).toBe('valid')
        expect(check(source, issue(source, nowS), nowS + LIFETIME_S)).toBe('valid')
      }),
    )
  })

  it('is expired, not forged, after one and a half lifetimes', () => {
    const ageArb = fc.oneof(
      fc.double({ min: 1.5 * LIFETIME_S, max: 253 * WINDOW_S, noNaN: true }),
      fc.constant(1.5 * LIFETIME_S),
    )
    fc.assert(
      fc.property(sourceArb, nowArb, ageArb, (source, nowS, ageS) => {
        expect(check(source, issue(source, nowS), nowS + ageS)).toBe('expired')
      }),
    )
  })

  it('does not come back to life when the byte of its window comes round', () => {
    const source = at('192.0.2.1')
    const connectionId = issue(source, NOW_S)
    for (let window = -3; window <= 3; window++) {
      expect(check(source, connectionId, NOW_S + ROUND_S + window * WINDOW_S)).not.toBe('valid')
    }
  })

  it('of the next window is accepted, for frontends whose clocks differ, but none from further ahead', () => {
    fc.assert(
      fc.property(sourceArb, nowArb, (source, nowS) => {
        expect(check(source, issue(source, nowS + WINDOW_S), nowS)).toBe('valid')
        expect(check(source, issue(source, nowS + 2 * WINDOW_S), nowS)).toBe('forged')
      }),
    )
  })

  it.each([2, 3, 120, 121, 7200])(
    'with a lifetime of %i s is accepted that long, and expired when three windows are over',
    (lifetimeS) => {
      const source = at('192.0.2.1')
      const by = makerOf('a secret', lifetimeS)
      for (let second = 0; second < lifetimeS; second += Math.max(1, lifetimeS / 50)) {
        const connectionId = issue(source, NOW_S + second, by)
        expect(check(source, connectionId, NOW_S + second + lifetimeS, by)).toBe('valid')
        expect(check(source, connectionId, NOW_S + second + 3 * Math.ceil(lifetimeS / 2), by)).toBe('expired')
      }
    },
  )

  it('is the same from a frontend that has run for long as from a fresh one', () => {
    const source = at('192.0.2.1')
    const old = makerOf()
    for (let window = 0; window < 600; window++) {
      const nowS = NOW_S + window * WINDOW_S
      const connectionId = issue(source, nowS, old)
      if (window % 100 === 99) expect(check(source, connectionId, nowS, makerOf())).toBe('valid')
      expect(check(source, connectionId, nowS, old)).toBe('valid')
    }
  })

  it('from the start of time is checked without a throw', () => {
    const source = at('192.0.2.1')
    expect(check(source, issue(source, 0), 0)).toBe('valid')
    expect(check(source, Buffer.from('ff00000000000000', 'hex'), 0)).toBe('forged')
  })

  it('made up of any 8 bytes is forged, never thrown at', () => {
    fc.assert(
      fc.property(
        sourceArb,
        bytesArb(8),
        fc.double({ min: 0, max: 4e9, noNaN: true }),
        (source, connectionId, nowS) => {
          expect(check(source, connectionId, nowS)).toBe('forged')
        },
      ),
    )
  })
})

describe('the connection ids of a batch', () => {
  it('are each those of their own source, in any mix of families', () => {
    fc.assert(
      fc.property(fc.array(sourceArb, { minLength: 1, maxLength: 64 }), nowArb, (sources, nowS) => {
        const batch = maker(sources, nowS)
        for (const [i, source] of sources.entries()) {
          expect(batch.issue(i)).toEqual(issue(source, nowS))
          expect(batch.check(i, issue(source, nowS - 2 * WINDOW_S))).toBe('valid')
        }
      }),
    )
  })
})
