import { describe, expect, it } from 'vitest'
import { type Endpoint, toEndpoint } from '../../lib/wire/endpoint.ts'
import { makeErrorBudget } from '../../services/udp/error-budget.ts'

const at = (address: string, port = 6881): Endpoint => toEndpoint(address, port) as Endpoint
/** The first second of a minute. */
const NOW_S = 60 * 30_000_000
const ADDRESSES_MAX = 65_536

/** How many of so many errors may be sent. */
function allowed(budget: ReturnType<typeof makeErrorBudget>, count: number, address: Endpoint, nowS = NOW_S): number {
  return Array.from({ length: count }, () => budget(address, nowS)).filter(Boolean).length
}

describe('the budget of errors', () => {
  it('is 10 for an address in a minute, whatever its ports, and 10 again in the next', () => {
    const budget = makeErrorBudget()
    expect(allowed(budget, 9, at('192.0.2.1'))).toBe(9)
    expect(allowed(budget, 9, at('192.0.2.1', 80), NOW_S + 59)).toBe(1)
    expect(allowed(budget, 20, at('192.0.2.1'), NOW_S + 60)).toBe(10)
  })

  it('is that of each IPv4 address, and of all addresses of an IPv6 /64 together', () => {
    const budget = makeErrorBudget()
    expect(allowed(budget, 20, at('192.0.2.1'))).toBe(10)
    expect(allowed(budget, 20, at('192.0.2.2'))).toBe(10)
    expect(allowed(budget, 6, at('2001:db8:0:1::1'))).toBe(6)
    expect(allowed(budget, 6, at('2001:db8:0:1:ffff::2'))).toBe(4)
    expect(allowed(budget, 6, at('2001:db8:0:2::1'))).toBe(6)
  })

  it('has room for 65,536 addresses in a minute: more get silence, and those that it knows what is left', () => {
    const budget = makeErrorBudget()
    for (let i = 0; i < ADDRESSES_MAX; i++) budget(at(`10.0.${i >> 8}.${i & 255}`), NOW_S)
    expect(allowed(budget, 20, at('192.0.2.1'))).toBe(0)
    expect(allowed(budget, 20, at('10.0.0.0'))).toBe(9)
    expect(allowed(budget, 20, at('192.0.2.1'), NOW_S + 60)).toBe(10)
  })
})
