import { describe, expect, it } from 'vitest'
import { ADDRESSES_MAX } from '../../lib/swarm/token-buckets.ts'
import { type Endpoint, toEndpoint } from '../../lib/wire/endpoint.ts'
import { makeErrorBudget } from '../../services/udp/error-budget.ts'

const SEED = 0x5eed
const NOW_S = 1_800_000_000.5
const at = (address: string, port = 6881): Endpoint => toEndpoint(address, port) as Endpoint

/** How many of so many errors may be sent. */
function allowed(
  budget: ReturnType<typeof makeErrorBudget>,
  count: number,
  address: Endpoint,
  nowS = NOW_S,
  standing: 'forged' | 'expired' = 'forged',
): number {
  return Array.from({ length: count }, () => budget(address, standing, nowS)).filter(Boolean).length
}

describe('the budget of errors', () => {
  it('is 10 for an address, whatever its ports, and one more every 6 s', () => {
    const budget = makeErrorBudget(SEED)
    expect(allowed(budget, 9, at('192.0.2.1'))).toBe(9)
    expect(allowed(budget, 9, at('192.0.2.1', 80))).toBe(1)
    expect(allowed(budget, 9, at('192.0.2.1'), NOW_S + 5)).toBe(0)
    expect(allowed(budget, 9, at('192.0.2.1'), NOW_S + 13)).toBe(2)
    expect(allowed(budget, 20, at('192.0.2.1'), NOW_S + 80)).toBe(10)
  })

  it('is that of each IPv4 address, and of all addresses of an IPv6 /64 together', () => {
    const budget = makeErrorBudget(SEED)
    expect(allowed(budget, 20, at('192.0.2.1'))).toBe(10)
    expect(allowed(budget, 20, at('192.0.2.2'))).toBe(10)
    expect(allowed(budget, 6, at('2001:db8:0:1::1'))).toBe(6)
    expect(allowed(budget, 6, at('2001:db8:0:1:ffff::2'))).toBe(4)
    expect(allowed(budget, 6, at('2001:db8:0:2::1'))).toBe(6)
  })

  it('leaves what is for expired ids, a thousand errors, to those who had them, however many are forged', () => {
    const budget = makeErrorBudget(SEED)
    expect(allowed(budget, 10_000, at('192.0.2.1'))).toBe(10)
    expect(allowed(budget, 2000, at('192.0.2.1'), NOW_S, 'expired')).toBe(1000)
    expect(allowed(budget, 2000, at('192.0.2.1'), NOW_S + 10, 'expired')).toBe(100)
  })

  it('has errors for whoever is new, though ids were forged from more addresses than it has room for', () => {
    const budget = makeErrorBudget(SEED)
    for (let i = 0; i < 4 * ADDRESSES_MAX; i++)
      budget(at(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`), 'forged', NOW_S)
    for (let i = 0; i < 100; i++) expect(allowed(budget, 1, at(`192.0.2.${i}`))).toBe(1)
  })
})
