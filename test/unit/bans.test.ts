import { BlockList } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { makeBanCheck } from '../../lib/swarm/bans.ts'
import { addressText, isIpv6 } from '../../lib/wire/endpoint.ts'
import { type Network, networkText, parseNetwork } from '../../lib/wire/network.ts'
import { makeNetworkHeap } from '../../lib/wire/network-table.ts'
import { at } from '../support/store.ts'

const network = (text: string) => parseNetwork(text) as Network
const rowsOf = (...bans: [text: string, untilS: number][]) => {
  const heap = makeNetworkHeap()
  heap.add(bans.map(([text, value]) => ({ network: network(text), value })))
  return heap.rows()
}
const banned = (...texts: string[]) =>
  makeBanCheck(rowsOf(...texts.map((text): [string, number] => [text, Number.POSITIVE_INFINITY])), () => 0)

describe('a network', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2.77/24', '192.0.2.0/24'],
    ['192.0.2.1/32', '192.0.2.1'],
    ['10.255.0.0/9', '10.128.0.0/9'],
    ['2001:DB8:0::1/32', '2001:db8::/32'],
    ['2001:db8::1', '2001:db8::1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1/120', '192.0.2.0/24'],
  ])('%s is %s', (text, canonical) => expect(networkText(network(text))).toBe(canonical))

  it.each(['', '192.0.2', '192.0.2.1/0', '192.0.2.1/33', '::/0', '2001:db8::/129', '192.0.2.1/', 'a/8', '1.2.3.4/8/9'])(
    '%j is none',
    (text) => expect(parseNetwork(text)).toBeUndefined(),
  )
})

describe('bans', () => {
  it('are of all addresses of a network, and of no other', () => {
    const isBanned = banned('192.0.2.0/25', '2001:db8::/33', '198.51.100.7')
    const found = ['192.0.2.127', '192.0.2.128', '2001:db8:7fff::1', '2001:db8:8000::1', '198.51.100.7', '198.51.100.8']
    expect(found.map((address) => isBanned(at(address)))).toEqual([true, false, true, false, true, false])
  })

  it('last until then', () => {
    let nowS = 999
    const isBanned = makeBanCheck(rowsOf(['192.0.2.1', 1000]), () => nowS)
    expect(isBanned(at('192.0.2.1'))).toBe(true)
    nowS = 1000
    expect(isBanned(at('192.0.2.1'))).toBe(false)
  })

  it('of a network hold while one of a smaller or a larger one in it is over', () => {
    const isBanned = makeBanCheck(
      rowsOf(['10.0.0.0/8', 1000], ['10.1.0.0/16', 10], ['11.0.0.0/8', 10], ['11.1.0.0/16', 1000]),
      () => 100,
    )
    expect(['10.1.2.3', '10.2.0.0', '11.1.2.3', '11.2.0.0', '12.0.0.0'].map((each) => isBanned(at(each)))).toEqual([
      ...[true, true, true, false, false],
    ])
  })

  it('are those that Node`s own list of networks finds', () => {
    const bytesArb = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
    )
    const address = (bytes: Uint8Array) =>
      bytes.length === 4
        ? [...bytes].join('.')
        : Buffer.from(bytes)
            .toString('hex')
            .replace(/(.{4})(?!$)/g, '$1:')
    const banArb = fc.tuple(bytesArb, fc.integer({ min: 1, max: 128 }))
    fc.assert(
      fc.property(
        fc.array(banArb, { maxLength: 6 }),
        fc.array(bytesArb, { minLength: 1, maxLength: 6 }),
        (bans, asked) => {
          // One for each family: to Node, ::/1 holds all of IPv4, too.
          const lists = { ipv4: new BlockList(), ipv6: new BlockList() }
          const texts = bans.map(([bytes, bits]) => `${address(bytes)}/${Math.min(bits, bytes.length * 8)}`)
          for (const text of texts) {
            const known = network(text)
            const [plain = '', bits = known.address.length * 8] = networkText(known).split('/')
            const family = known.address.length === 4 ? 'ipv4' : 'ipv6'
            lists[family].addSubnet(plain, Number(bits), family)
          }
          const isBanned = banned(...texts)
          for (const bytes of [...asked, ...bans.map(([banned]) => banned)]) {
            const endpoint = at(address(bytes))
            const family = isIpv6(endpoint) ? 'ipv6' : 'ipv4'
            expect(isBanned(endpoint)).toBe(lists[family].check(addressText(endpoint), family))
          }
        },
      ),
    )
  })
})
