import type { Counters } from '../../../lib/observe/counters.ts'

/** What the frontends counted at a time of Redis's clock, in seconds. */
export type CountersAt = { atS: number; counters: Counters }

const BOTH = ['4', '6'] as const

/** Rates by kind, requests a second of all frontends together. */
const KINDS = {
  udp_connects: (counters: Counters) => sumOf(counters, 'udp', 'connections'),
  udp_announces: (counters: Counters) => sumOf(counters, 'udp', 'announces'),
  udp_scrapes: (counters: Counters) => sumOf(counters, 'udp', 'scrapes'),
  http_announces: (counters: Counters) => sumOf(counters, 'tcp', 'announces'),
  http_scrapes: (counters: Counters) => sumOf(counters, 'tcp', 'scrapes'),
  errors: (counters: Counters) => sumOf(counters, 'udp', 'errors') + sumOf(counters, 'tcp', 'errors'),
  dropped: ({ udp_dropped, udp_unsent }: Counters) => udp_dropped + udp_unsent,
  refused: (counters: Counters) =>
    counters.refused_banned +
    counters.udp_banned +
    counters.udp_over_rate +
    (['udp', 'tcp'] as const).reduce(
      (sum, protocol) =>
        sum + sumOf(counters, protocol, 'announces_refused') + sumOf(counters, protocol, 'scrapes_refused'),
      0,
    ),
} as const

/**
 * One of them: `errors` are requests that were none, `dropped` datagrams that came when too many were in work, `refused` what
 * may not be served (by a list, a key or a limit, in words or by silence), or could not be served by Redis.
 */
export type RateKind = keyof typeof KINDS

/** Requests a second by kind. */
export type Rates = Record<RateKind, number>

/** The kinds in their order. */
export const RATE_KINDS = Object.keys(KINDS) as RateKind[]

function sumOf(counters: Counters, protocol: 'udp' | 'tcp', what: string) {
  // Only UDP has connections, and each name that is asked for is there.
  return BOTH.reduce((sum, family) => sum + (counters[`${protocol}${family}_${what}` as keyof Counters] ?? 0), 0)
}

/** What was counted between two times, a second. Counters that were reset meanwhile give no rate below zero. */
export function ratesBetween(before: CountersAt, now: CountersAt): Rates {
  const seconds = Math.max(0.001, now.atS - before.atS)
  const rates = RATE_KINDS.map((kind) => {
    const count = KINDS[kind]
    return [kind, Math.max(0, (count(now.counters) - count(before.counters)) / seconds)] as const
  })
  return Object.fromEntries(rates) as Rates
}

/** What was counted so far, by kind. */
export const countedOf = (counters: Counters): Rates =>
  Object.fromEntries(RATE_KINDS.map((kind) => [kind, KINDS[kind](counters)])) as Rates
