import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { describe, expect, it } from 'vitest'
import { addressAdmission } from '../../lib/swarm/peer-address.ts'
import { isLocal, isNobodys } from '../../lib/wire/address-kind.ts'
import { type AnnounceRequest, EVENT, type Event } from '../../lib/wire/announce.ts'
import { addressText, type Endpoint, endpointFrom } from '../../lib/wire/endpoint.ts'
import { announceOf, at } from '../support/store.ts'

const NOBODYS = [
  ...['0.0.0.0', '0.1.2.3', '224.0.0.1', '239.255.255.250', '240.0.0.1', '255.255.255.255'],
  ...['::', 'ff02::1', 'ff0e::c', 'ffff::1'],
]
const LOCAL = [
  ...['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '100.64.0.1', '100.127.255.255', '169.254.1.1'],
  ...['127.0.0.1', '127.255.0.1', '::1', 'fe80::1', 'febf::1', 'fc00::1', 'fdff::1', 'fec0::1'],
]
const PUBLIC = [
  ...['1.0.0.1', '9.255.255.255', '11.0.0.1', '100.63.0.1', '100.128.0.1', '126.0.0.1', '128.0.0.1', '172.15.0.1'],
  ...['172.32.0.1', '192.0.2.1', '192.167.0.1', '223.255.255.255', '2001:db8::1', '2a00::1', '::2', 'fbff::1'],
  '64:ff9b::192.0.2.1',
]

const endpointArb = fc
  .oneof(
    fc.uint8Array({ minLength: 6, maxLength: 6 }),
    fc.uint8Array({ minLength: 18, maxLength: 18 }),
    fc.tuple(fc.nat(255), fc.nat(3)).map(([first, last]) => [first, ...Array<number>(14).fill(0), last, 1, 2]),
  )
  .map((bytes) => endpointFrom(Buffer.from(bytes)) as Endpoint)

describe('an address', () => {
  it.each(NOBODYS)('%s is nobody’s', (address) => expect(isNobodys(at(address))).toBe(true))
  it.each([...LOCAL, ...PUBLIC])('%s may be somebody’s', (address) => expect(isNobodys(at(address))).toBe(false))
  it.each(LOCAL)('%s is local', (address) => expect(isLocal(at(address))).toBe(true))
  it.each(PUBLIC)('%s is public', (address) => expect(isLocal(at(address))).toBe(false))

  it('is nobody’s exactly where ipaddr.js has it as unspecified, multicast, broadcast or in 240.0.0.0/4', () => {
    fc.assert(
      fc.property(endpointArb, (endpoint) => {
        const address = ipaddr.parse(addressText(endpoint))
        const isReserved = address.kind() === 'ipv4' && address.match(ipaddr.parse('240.0.0.0'), 4)
        const isOneOf = ['unspecified', 'multicast', 'broadcast'].includes(address.range())
        expect(isNobodys(endpoint)).toBe(isOneOf || isReserved)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('the admission by address', () => {
  type Limits = Parameters<typeof addressAdmission>[0]
  const limits: Limits = { portMin: 1, keepsPrivatePeers: false, isBanned: () => false }
  const announce = (peer: Endpoint, sender: Endpoint, event: Event = EVENT.none): AnnounceRequest => ({
    ...announceOf({ endpoint: peer, event }),
    sender,
  })
  type Told = Partial<Limits> & { from?: string; event?: Event; port?: number }
  /** What a client at one address is told that is to be found at another, or at its own. */
  const told = (peer: string, { from = peer, event = EVENT.none, port = 6881, ...changes }: Told = {}) =>
    addressAdmission({ ...limits, ...changes })(announce(at(peer, port), at(from, 50_000), event))

  it.each(NOBODYS)('refuses a peer at %s, whether it asks from there or names it, and lets it stop', (address) => {
    const reason = 'nobody can connect to your address'
    expect(told(address)).toEqual({ cause: 'address', reason })
    expect(told(address, { from: address.includes(':') ? '2001:db8::1' : '192.0.2.1' })).toMatchObject({ reason })
    expect(told(address, { event: EVENT.stopped })).toBeUndefined()
  })

  it.each([...LOCAL, ...PUBLIC])('admits a peer that asks from %s', (address) => {
    expect(told(address)).toBeUndefined()
  })

  it.each(LOCAL)('refuses %s where it is named from a public address, unless that is allowed', (address) => {
    const from = address.includes(':') ? '2001:db8::1' : '192.0.2.1'
    expect(told(address, { from })).toMatchObject({ cause: 'address', reason: expect.stringContaining('private') })
    expect(told(address, { from, event: EVENT.stopped })).toBeUndefined()
    expect(told(address, { from, keepsPrivatePeers: true })).toBeUndefined()
  })

  it('admits a private address that is named from another private one, and a public one from any', () => {
    expect(told('192.168.7.7', { from: '10.0.0.1' })).toBeUndefined()
    expect(told('fd00::7', { from: 'fe80::1' })).toBeUndefined()
    expect(told('198.51.100.7', { from: '10.0.0.1' })).toBeUndefined()
    expect(told('198.51.100.7', { from: '192.0.2.1' })).toBeUndefined()
  })

  it('takes an address that differs in its first byte alone for another', () => {
    expect(told('10.0.2.1', { from: '192.0.2.1' })).toMatchObject({ cause: 'address' })
    expect(told('fd01:db8::1', { from: '2001:db8::1' })).toMatchObject({ cause: 'address' })
    expect(told('2101:db8::1', { from: '2001:db8::1', isBanned: () => true })).toMatchObject({ cause: 'address' })
  })

  it('refuses an address of another family than that of the connection', () => {
    const refused = { cause: 'address', reason: 'ip must be an address of the IP version that you ask by' }
    expect(told('198.51.100.7', { from: '2001:db8::1' })).toEqual(refused)
    expect(told('2001:db8::7', { from: '192.0.2.1' })).toEqual(refused)
  })

  it('refuses a banned address that is named, and leaves it to the frontends whose own is banned', () => {
    const isBanned = (endpoint: Endpoint) => addressText(endpoint) === '198.51.100.7'
    expect(told('198.51.100.7', { from: '192.0.2.1', isBanned })).toMatchObject({
      cause: 'address',
      reason: expect.stringContaining('banned'),
    })
    expect(told('198.51.100.8', { from: '192.0.2.1', isBanned })).toBeUndefined()
    expect(told('198.51.100.7', { isBanned })).toBeUndefined()
  })

  it('refuses ports below the least, not of a peer that stops', () => {
    const refused = { cause: 'address', reason: 'port must be 1024 to 65535' }
    expect(told('192.0.2.1', { port: 1023, portMin: 1024 })).toEqual(refused)
    expect(told('2001:db8::1', { port: 80, portMin: 1024 })).toEqual(refused)
    expect(told('192.0.2.1', { port: 1024, portMin: 1024 })).toBeUndefined()
    expect(told('192.0.2.1', { port: 80, portMin: 1024, event: EVENT.stopped })).toBeUndefined()
    expect(told('192.0.2.1', { port: 1 })).toBeUndefined()
  })
})
