import { ADDRESSES_MAX, makeTokenBuckets } from '../../lib/swarm/token-buckets.ts'
import type { Standing } from '../../lib/wire/connection-id.ts'
import type { Endpoint } from '../../lib/wire/endpoint.ts'

/** Error replies that one address gets at once for ids that nobody issued to it, and how many again each second: 10 a minute. */
const FORGED = { burst: 10, perS: 10 / 60 }
/**
 * … for ids that were issued to it and have expired: a thousand clients behind one address whose machine has slept. Only who is
 * at an address has an id of it, so that a forger can use none of these up.
 */
const EXPIRED = { burst: 1000, perS: 10 }

/** Says whether an error may be sent for a connection id that is not valid. */
export type ErrorBudget = (address: Endpoint, standing: Exclude<Standing, 'valid'>, nowS: number) => boolean

/** Budgets of error replies per IPv4 address or IPv6 /64, so that forged requests cannot make us flood anybody. */
export function makeErrorBudget(seed: number): ErrorBudget {
  const budgets = {
    forged: makeTokenBuckets({ ...FORGED, entries: ADDRESSES_MAX, seed }),
    expired: makeTokenBuckets({ ...EXPIRED, entries: ADDRESSES_MAX, seed }),
  }
  return (address, standing, nowS) => budgets[standing].take(address, nowS)
}
