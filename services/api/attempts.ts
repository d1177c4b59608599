import type { Logger } from '../../lib/observe/log.ts'
import { makeNews } from '../../lib/observe/news.ts'
import { makeTokenBuckets } from '../../lib/swarm/token-buckets.ts'
import { addressText, clientKey, type Endpoint } from '../../lib/wire/endpoint.ts'

/** Wrong tokens that one address may send at once: a person's mistakes, and a program's that was not told of a new one. */
const ATTEMPTS_MAX = 10
/** How long it takes until it may send one more. */
export const ATTEMPT_EVERY_S = 6
/** Addresses whose wrong tokens are known: 100 KB. Where more are about, those with the fewest are forgotten. */
export const GUESSERS_MAX = 4096
/** Addresses of which the log tells in a minute, a line each: however many there are, they do not fill a disk. */
export const GUESSERS_TOLD_MAX = 100
const TOLD_EVERY_MS = 60_000

/** The wrong tokens of each address: of IPv4, or a /64 of IPv6. */
export type Attempts = {
  /** Whether there were too many of a client's: another is not to be looked at now. */
  areTooMany: (client: ApiClient) => boolean
  /** Counts one, and tells of it: of a route its pattern, since what is in its place may be a secret. */
  count: (client: ApiClient, route: string) => void
}

/** Where a client is, and whether its connection is its own: those of a proxy are of many. */
export type ApiClient = { source: Endpoint; isDirect: boolean }

/**
 * No address has sent a wrong token yet. `isExempt` says whose are not limited, where they come by no proxy: all that comes by one
 * of this machine may seem to be of this machine. `seed` is of this process's chance.
 */
export function makeAttempts({
  isExempt,
  nowS,
  seed,
  log,
}: {
  isExempt: (source: Endpoint) => boolean
  nowS: () => number
  seed: number
  log: Logger
}): Attempts {
  const buckets = makeTokenBuckets({ perS: 1 / ATTEMPT_EVERY_S, burst: ATTEMPTS_MAX, entries: GUESSERS_MAX, seed })
  const news = makeNews({ everyMs: TOLD_EVERY_MS, namesMax: GUESSERS_TOLD_MAX, nowMs: () => 1000 * nowS() })
  const isLimited = ({ source, isDirect }: ApiClient): boolean => !isDirect || !isExempt(source)
  return {
    areTooMany: (client) => isLimited(client) && !buckets.has(client.source, nowS()),
    count(client, route) {
      if (isLimited(client)) buckets.take(client.source, nowS())
      const attempts = news(clientKey(client.source))
      if (attempts === 0) return
      log.warn({ address: addressText(client.source), route, attempts }, 'API tokens that are not valid')
    },
  }
}
