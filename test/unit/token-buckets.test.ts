import { describe, expect, it } from 'vitest'
import { makeTokenBuckets, type TokenBuckets } from '../../lib/swarm/token-buckets.ts'
import { type Endpoint, toEndpoint } from '../../lib/wire/endpoint.ts'

const at = (address: string, port = 6881): Endpoint => toEndpoint(address, port) as Endpoint
const NOW_S = 1_800_000_000
const make = (options: object = {}) => makeTokenBuckets({ perS: 10, burst: 20, entries: 64, seed: 7, ...options })

/** How many of so many tokens an address gets. */
const taken = ({ take }: TokenBuckets, count: number, address: Endpoint, nowS = NOW_S): number =>
  Array.from({ length: count }, () => take(address, nowS)).filter(Boolean).length

describe('buckets of tokens', () => {
  it('give an address its burst at once, then so many a second, and its burst again once it was silent', () => {
    const buckets = make()
    expect(taken(buckets, 50, at('192.0.2.1'))).toBe(20)
    expect(taken(buckets, 50, at('192.0.2.1'), NOW_S + 1)).toBe(10)
    expect(taken(buckets, 50, at('192.0.2.1'), NOW_S + 1.5)).toBe(5)
    expect(taken(buckets, 50, at('192.0.2.1'), NOW_S + 60)).toBe(20)
  })

  it('are those of each IPv4 address, whatever its ports, and of all addresses of an IPv6 /64 together', () => {
    const buckets = make()
    expect(taken(buckets, 15, at('192.0.2.1', 1))).toBe(15)
    expect(taken(buckets, 15, at('192.0.2.1', 2))).toBe(5)
    expect(taken(buckets, 50, at('192.0.2.2'))).toBe(20)
    expect(taken(buckets, 15, at('2001:db8:0:1::1'))).toBe(15)
    expect(taken(buckets, 15, at('2001:db8:0:1:ffff::2'))).toBe(5)
    expect(taken(buckets, 50, at('2001:db8:0:2::1'))).toBe(20)
  })

  it('are those of each port where that is asked for', () => {
    const buckets = make({ isPerPort: true })
    expect(taken(buckets, 50, at('192.0.2.1', 1))).toBe(20)
    expect(taken(buckets, 50, at('192.0.2.1', 2))).toBe(20)
    expect(taken(buckets, 50, at('192.0.2.1', 1))).toBe(0)
  })

  it('take several at once or none, and tell whether there are as many without taking them', () => {
    const { take, has } = make()
    expect([has(at('192.0.2.1'), NOW_S, 20), has(at('192.0.2.1'), NOW_S, 21)]).toEqual([true, false])
    expect([
      take(at('192.0.2.1'), NOW_S, 15),
      take(at('192.0.2.1'), NOW_S, 6),
      take(at('192.0.2.1'), NOW_S, 5),
    ]).toEqual([true, false, true])
    expect([has(at('192.0.2.1'), NOW_S), has(at('192.0.2.1'), NOW_S + 0.11)]).toEqual([false, true])
  })

  it('fill up no sooner and no later where the clock goes back', () => {
    const buckets = make()
    expect(taken(buckets, 50, at('192.0.2.1'))).toBe(20)
    expect(taken(buckets, 50, at('192.0.2.1'), NOW_S - 3600)).toBe(0)
    // Nor any later: who had used all is not silenced until the clock is there again.
    expect(taken(buckets, 50, at('192.0.2.1'), NOW_S - 3599)).toBe(10)
  })

  it('forget those that have used least where there are too many, never the one that asks too much', () => {
    const buckets = make()
    expect(taken(buckets, 50, at('192.0.2.1'))).toBe(20)
    for (let i = 0; i < 10_000; i++) buckets.take(at(`10.0.${i >> 8}.${i & 255}`), NOW_S)
    expect(taken(buckets, 50, at('192.0.2.1'))).toBe(0)
    // Of the 10,000 there is room for 63, which have used one.
    const full = Array.from({ length: 10_000 }, (_, i) => buckets.has(at(`10.0.${i >> 8}.${i & 255}`), NOW_S, 20))
    expect(full.filter((isFull) => !isFull).length).toBeLessThanOrEqual(63)
  })
})
