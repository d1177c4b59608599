import { expect, it } from 'vitest'
import { makeTorrentLimits } from '../../lib/swarm/torrent-limits.ts'
import { type Endpoint, toEndpoint } from '../../lib/wire/endpoint.ts'
import { parseNetworks } from '../../lib/wire/network.ts'
import { makeNetworkCheck } from '../../lib/wire/network-table.ts'

const at = (address: string, port = 6881) => toEndpoint(address, port) as Endpoint
const LIFETIME_S = 3900

function limits({ addressMax = 10, exempt = '' } = {}) {
  const clock = { nowS: 1_764_000_000.5, isFull: false }
  const made = makeTorrentLimits({
    addressMax,
    lifetimeS: LIFETIME_S,
    isExempt: makeNetworkCheck(parseNetworks(exempt) ?? []),
    isFull: () => clock.isFull,
    nowS: () => clock.nowS,
    seed: 7,
  })
  /** Announces of so many new torrents: how many of them are added. */
  const add = (endpoint: Endpoint, count: number) => {
    let added = 0
    for (let i = 0; i < count; i++) {
      if (made.barOf(endpoint) !== undefined) continue
      made.added(endpoint)
      added += 1
    }
    return added
  }
  return { ...made, clock, add }
}

it('an address adds as many torrents as it may, from whatever port, and its neighbours as many of theirs', () => {
  const { add, barOf } = limits()
  expect(add(at('192.0.2.1'), 9)).toBe(9)
  expect(barOf(at('192.0.2.1', 7))).toBe(undefined)
  expect(add(at('192.0.2.1', 7), 9)).toBe(1)
  expect(barOf(at('192.0.2.1', 8))).toBe('address_torrents')
  expect([barOf(at('192.0.2.2')), barOf(at('2001:db8::1'))]).toEqual([undefined, undefined])
  expect(add(at('2001:db8::1'), 100)).toBe(10)
  expect(barOf(at('2001:db8::ffff:ffff:ffff:ffff'))).toBe('address_torrents')
  expect(barOf(at('2001:db8:0:1::1'))).toBe(undefined)
})

it('an address that is at its limit may add its share again little by little, and all of it after a lifetime', () => {
  const { add, clock } = limits()
  expect(add(at('192.0.2.1'), 100)).toBe(10)
  clock.nowS += LIFETIME_S / 10 - 1
  expect(add(at('192.0.2.1'), 100)).toBe(0)
  clock.nowS += 1
  expect(add(at('192.0.2.1'), 100)).toBe(1)
  clock.nowS += 3 * LIFETIME_S
  expect(add(at('192.0.2.1'), 100)).toBe(10)
})

it('at its limit an address stays where others add some meanwhile', () => {
  const { add, clock } = limits({ addressMax: 3900 })
  expect(add(at('192.0.2.1'), 10_000)).toBe(3900)
  let added = 0
  for (let i = 0; i < 100; i++) {
    clock.nowS += 0.1
    expect(add(at(`192.0.2.${2 + i}`), 50)).toBe(50)
    added += add(at('192.0.2.1'), 50)
  }
  expect(added).toBeGreaterThanOrEqual(9)
  expect(added).toBeLessThanOrEqual(10)
})

it('an exempt address adds as many as it likes', () => {
  const { add } = limits({ exempt: '192.0.2.0/24' })
  expect(add(at('192.0.2.1'), 1000)).toBe(1000)
  expect(add(at('198.51.100.1'), 1000)).toBe(10)
})

it('nobody may add any while the tracker has as many as it may, exempt or not, and that is not counted', () => {
  const { barOf, add, clock } = limits({ exempt: '192.0.2.0/24' })
  clock.isFull = true
  expect([barOf(at('192.0.2.1')), barOf(at('198.51.100.1'))]).toEqual(['torrents', 'torrents'])
  expect(add(at('198.51.100.1'), 100)).toBe(0)
  clock.isFull = false
  expect(add(at('198.51.100.1'), 100)).toBe(10)
})

it('without a limit of an address it is only the tracker that can be full', () => {
  const { add, barOf, clock } = limits({ addressMax: 0 })
  expect(add(at('192.0.2.1'), 100_000)).toBe(100_000)
  clock.isFull = true
  expect(barOf(at('192.0.2.1'))).toBe('torrents')
})
