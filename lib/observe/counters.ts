/** What every frontend counts; the names are the fields of `stats` in Redis, where the frontends' counts are added up. */
export const COUNTER_NAMES = [
  'udp4_connections',
  'udp4_announces',
  'udp4_scrapes',
  'udp4_errors',
  'udp6_connections',
  'udp6_announces',
  'udp6_scrapes',
  'udp6_errors',
  'tcp4_announces',
  'tcp4_scrapes',
  'tcp4_errors',
  'tcp6_announces',
  'tcp6_scrapes',
  'tcp6_errors',
  /** Datagrams that were no request: silence. */
  'udp_ignored',
  /** Datagrams dropped because too many were in work, by us or by the system. */
  'udp_dropped',
  /** Error replies held back: too many to one address. */
  'udp_errors_silenced',
  /** Replies that the system would not send. */
  'udp_unsent',
  /** Announces and scrapes refused because too many waited for Redis. */
  'store_busy',
  /** Announces and scrapes refused because Redis did not answer. */
  'store_away',
  /** Announces refused because of a damaged swarm. */
  'store_damaged',
] as const

/** A counter's name. */
export type CounterName = (typeof COUNTER_NAMES)[number]

/** The counters of one process: plain numbers, since they are changed on every request. */
export type Counters = Record<CounterName, number>

/** Counters at zero. */
export const makeCounters = (): Counters =>
  Object.fromEntries(COUNTER_NAMES.map((name) => [name, 0])) as Record<CounterName, number>
