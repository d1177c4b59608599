import type { Endpoint } from '../wire/endpoint.ts'
import { ADDRESSES_MAX, makeTokenBuckets, type TokenBuckets } from './token-buckets.ts'

/** An address over its rate is told so once in this time, over UDP; then there is silence. */
const TOLD_EVERY_S = 60
/** An endpoint that asks for no more than one connection id in this time gets it, however many its address asks for. */
const ENDPOINT_EVERY_S = 10

/** Tables of addresses at most: requests, connects, who was told, and endpoints that connect. */
export const RATE_TABLES = 4

/** Info hashes of a scrape that are one request: a scrape of so many takes Redis about as long as an announce. */
const SCRAPED_PER_REQUEST = 8

/** How many requests a scrape of so many info hashes counts as. */
export const requestsOfScrape = (infoHashes: number): number => Math.max(1, Math.ceil(infoHashes / SCRAPED_PER_REQUEST))

/** What was held back of addresses over their rates, and one of them. */
export type HeldBack = { requests: number; example: Endpoint }

/**
 * How much each client address may ask of this process. Addresses are those that requests come from, never those that
 * announces name.
 */
export type AddressRates = {
  /**
   * Whether a request of this address, which counts as so many, is served: that somebody is there must be known, or a forger uses up
   * another's rate.
   */
  admits: (source: Endpoint, nowS: number, requests: number) => boolean
  /** Whether an address that asks too much is to be told so, over UDP. */
  isToBeTold: (source: Endpoint, nowS: number) => boolean
  /** Whether a connect of this endpoint is answered. */
  admitsConnect: (source: Endpoint, nowS: number) => boolean
  /** What was held back since this was asked last. */
  takeHeldBack: () => HeldBack | undefined
}

/**
 * Rates of requests and of connects, 0 for no limit, with bursts of so many seconds of them, beside addresses that are exempt.
 *
 * Behind one address of a large network there may be thousands of clients. 500 a second are 900,000 announces in the half hour of
 * an interval: 9,000 clients of 100 torrents each. Where all of them start at once, after a blackout, the burst of 20,000 and 500 a second
 * let them in within half an hour; what is held back asks again by itself.
 *
 * Nobody has shown to be at the address that a connect comes from: a forger can use up the connects of another. So an endpoint that
 * was silent is answered all the same. To keep it from that, a forger has to go through all 65,536 ports every ten seconds;
 * and what a forger makes us send so is no longer than what it sends.
 */
export function makeAddressRates({
  requestsPerS,
  connectsPerS,
  burstS,
  isExempt,
  seed,
}: {
  requestsPerS: number
  connectsPerS: number
  burstS: number
  isExempt: (source: Endpoint) => boolean
  seed: number
}): AddressRates {
  const bucketsOf = (perS: number): TokenBuckets | undefined =>
    perS === 0 ? undefined : makeTokenBuckets({ perS, burst: perS * burstS, entries: ADDRESSES_MAX, seed })
  const [requests, connects] = [bucketsOf(requestsPerS), bucketsOf(connectsPerS)]
  const told = makeTokenBuckets({ perS: 1 / TOLD_EVERY_S, burst: 1, entries: ADDRESSES_MAX, seed })
  const endpoints = makeTokenBuckets({
    ...{ perS: 1 / ENDPOINT_EVERY_S, burst: 1, entries: ADDRESSES_MAX, seed },
    isPerPort: true,
  })
  let heldBack: HeldBack | undefined
  const holdBack = (example: Endpoint): false => {
    if (heldBack) heldBack.requests += 1
    // A copy: what the endpoint of a datagram is read from is used again.
    else heldBack = { requests: 1, example: Buffer.from(example) as Endpoint }
    return false
  }

  return {
    // Who is exempt is asked last: nearly nobody is over a rate.
    admits: (source, nowS, count) =>
      !requests ||
      requests.take(source, nowS, Math.min(count, requestsPerS * burstS)) ||
      isExempt(source) ||
      holdBack(source),
    isToBeTold: told.take,
    admitsConnect: (source, nowS) =>
      !connects || connects.take(source, nowS) || endpoints.take(source, nowS) || isExempt(source) || holdBack(source),
    takeHeldBack() {
      const taken = heldBack
      heldBack = undefined
      return taken
    },
  }
}
