import type { Endpoint } from '../../lib/wire/endpoint.ts'

/** Error replies that one address gets in a minute; an honest client needs one when its connection id has expired. */
const ERRORS_PER_ADDRESS_MAX = 10
/** Addresses remembered in a minute: about 6 MB. Past it, new addresses get silence till the minute is over. */
const ADDRESSES_MAX = 65_536
const PERIOD_S = 60

/** Says whether an error may be sent; keeps at most `ADDRESSES_MAX` counts, all forgotten each minute. */
export type ErrorBudget = (address: Endpoint, nowS: number) => boolean

/** A budget of error replies per IPv4 address or IPv6 /64, so that forged requests cannot make us flood anybody. */
export function makeErrorBudget(): ErrorBudget {
  const counts = new Map<string, number>()
  let period = 0
  return (address, nowS) => {
    const now = Math.floor(nowS / PERIOD_S)
    if (now !== period) {
      period = now
      counts.clear()
    }
    const key = address.toString('latin1', 0, address.length === 6 ? 4 : 8)
    const count = counts.get(key) ?? 0
    if (count >= ERRORS_PER_ADDRESS_MAX || (count === 0 && counts.size >= ADDRESSES_MAX)) return false
    counts.set(key, count + 1)
    return true
  }
}
