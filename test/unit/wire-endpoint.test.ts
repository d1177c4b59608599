import { isIP } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addressText,
  type Endpoint,
  endpointFrom,
  endpointText,
  isIpv6,
  portOf,
  toEndpoint,
  withPort,
} from '../../lib/wire/endpoint.ts'
import { infoHashFromHex, toInfoHash } from '../../lib/wire/info-hash.ts'

const portArb = fc.nat(65535)
const bytesArb = (length: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => Buffer.from(bytes))
const isMapped = (endpoint: Buffer): boolean => endpoint.subarray(0, 12).toString('hex') === '00000000000000000000ffff'
/** Runs of zeros make `::`, so they come often. */
const addressArb = fc
  .array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 })
  .map((groups) => Buffer.from(groups.map((group) => group.toString(16).padStart(4, '0')).join(''), 'hex'))
const endpointArb = fc.oneof(
  bytesArb(6),
  fc
    .tuple(addressArb, bytesArb(2))
    .map(Buffer.concat)
    .filter((endpoint) => !isMapped(endpoint)),
) as fc.Arbitrary<Endpoint>

describe('an endpoint', () => {
  it.each([
    ['192.0.2.1', 6881, 'c00002011ae1'],
    ['0.0.0.0', 0, '000000000000'],
    ['255.255.255.255', 65535, 'ffffffffffff'],
    ['2001:db8::1', 6881, '20010db80000000000000000000000011ae1'],
    ['2001:DB8:0:0:0:0:0:1', 6881, '20010db80000000000000000000000011ae1'],
    ['::', 1, '000000000000000000000000000000000001'],
    ['::ffff:192.0.2.1', 6881, 'c00002011ae1'],
    ['::FFFF:c000:201', 6881, 'c00002011ae1'],
    ['0:0:0:0:0:ffff:192.0.2.1', 6881, 'c00002011ae1'],
    ['::192.0.2.1', 6881, '000000000000000000000000c00002011ae1'],
    ['64:ff9b::192.0.2.1', 6881, '0064ff9b0000000000000000c00002011ae1'],
    ['fe80::1%eth0', 6881, 'fe8000000000000000000000000000011ae1'],
    ['fe80::1%2', 6881, 'fe8000000000000000000000000000011ae1'],
    ['fe80::1%br-1a2b', 6881, 'fe8000000000000000000000000000011ae1'],
    ['fe80::1%eth0.100', 6881, 'fe8000000000000000000000000000011ae1'],
    ['::ffff:192.0.2.1%eth0', 6881, 'c00002011ae1'],
  ])('of %s and port %i has the bytes of the wire', (address, port, bytes) => {
    expect(toEndpoint(address, port)?.toString('hex')).toBe(bytes)
  })

  it.each([
    ...['', 'localhost', '1', '1.2.3', '1.2.3.4.5', '256.1.1.1', '1.2.3.256', '1.2.3.4 ', '1.2.3.4:80', '0x1.2.3.4'],
    ...[
      '010.0.0.1',
      '1.02.3.4',
      '1.2.03.4',
      '1.2.3.04',
      '1.2.3.4%eth0',
      '::ffff:010.0.0.1',
      '00.0.0.0',
      ':::',
      '1::2::3',
      '[::1]',
      '::1%',
      '::g',
      '1:2:3:4:5:6:7',
      '::ffff:256.1.1.1',
    ],
    ...['unknown', '192.0.2.1, 192.0.2.2', '%eth0', '::1\n', '1.2.3.4\n'],
  ])('is not made of %j', (address) => {
    expect(toEndpoint(address, 6881)).toBeUndefined()
  })

  it.each([-1, 65536, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('is not made with port %d', (port) => {
    expect(toEndpoint('192.0.2.1', port)).toBeUndefined()
  })

  it('is made of exactly the texts that Node takes for addresses, and never thrown at', () => {
    const fragmentArb = fc.constantFrom('0', '1', '25', '255', 'f', 'ffff', ':', '::', '.', 'x', ' ', '%')
    const madeUpArb = fc.array(fragmentArb, { maxLength: 16 }).map((fragments) => fragments.join(''))
    const octetArb = fc.constantFrom('0', '1', '25', '255', '256', '01', '00')
    const embeddedArb = fc
      .tuple(fc.constantFrom('', '::', '::ffff:', '1:2:3:4:5:6:'), fc.array(octetArb, { minLength: 3, maxLength: 5 }))
      .map(([head, octets]) => head + octets.join('.'))
    fc.assert(
      fc.property(fc.oneof(madeUpArb, embeddedArb, fc.ipV4(), fc.ipV6(), fc.string()), portArb, (text, port) => {
        const isMade = toEndpoint(text, port) !== undefined
        // Of zones Node takes fewer than there are names of interfaces.
        if (!text.includes('%')) expect(isMade).toBe(isIP(text) !== 0)
      }),
      { numRuns: 2000 },
    )
  })

  it('comes through text and back as it was', () => {
    fc.assert(
      fc.property(endpointArb, (endpoint) => {
        expect(toEndpoint(addressText(endpoint), portOf(endpoint))).toEqual(endpoint)
      }),
    )
  })

  it('of IPv6 is written in the short form of RFC 5952, as URLs are', () => {
    fc.assert(
      fc.property(endpointArb.filter(isIpv6), (endpoint) => {
        const url = new URL(`http://${endpointText(endpoint)}/`)
        expect(`[${addressText(endpoint)}]`).toBe(url.hostname)
      }),
    )
  })

  it('is written with its port', () => {
    expect(endpointText(toEndpoint('192.0.2.1', 6881) as Endpoint)).toBe('192.0.2.1:6881')
    expect(endpointText(toEndpoint('2001:db8:0::1', 80) as Endpoint)).toBe('[2001:db8::1]:80')
  })

  it('with another port is another one, and the first stays as it was', () => {
    fc.assert(
      fc.property(endpointArb, portArb, (endpoint, port) => {
        const before = Buffer.from(endpoint)
        const moved = withPort(endpoint, port)
        expect(portOf(moved)).toBe(port)
        expect(addressText(moved)).toBe(addressText(endpoint))
        expect(endpoint).toEqual(before)
      }),
    )
  })

  it('is read from 6 or 18 bytes and no other number of them', () => {
    for (let length = 0; length <= 40; length++) {
      expect(endpointFrom(Buffer.alloc(length)) !== undefined).toBe(length === 6 || length === 18)
    }
  })

  it('is of IPv6 where it has 18 bytes', () => {
    expect(isIpv6(toEndpoint('192.0.2.1', 1) as Endpoint)).toBe(false)
    expect(isIpv6(toEndpoint('::ffff:192.0.2.1', 1) as Endpoint)).toBe(false)
    expect(isIpv6(toEndpoint('2001:db8::1', 1) as Endpoint)).toBe(true)
  })
})

describe('an info hash', () => {
  it('is 20 bytes and no other number of them', () => {
    for (const length of [0, 19, 20, 21, 32, 40]) {
      expect(toInfoHash(Buffer.alloc(length)) !== undefined).toBe(length === 20)
    }
  })

  it.each([
    ['A0bF9'.repeat(8), 'a0bf9'.repeat(8)],
    ['ab'.repeat(19), undefined],
    ['ab'.repeat(21), undefined],
    [`${'ab'.repeat(19)}ag`, undefined],
    [`${'ab'.repeat(20)}\n`, undefined],
    ['', undefined],
  ])('is read from 40 hex digits of either case: %j', (text, hex) => {
    expect(infoHashFromHex(text)?.toString('hex')).toBe(hex)
  })
})
