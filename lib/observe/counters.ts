/**
 * What every frontend counts; the names are the fields of `stats` in Redis, where the frontends' counts are added up.
 * `…_errors` are requests that were none (a bad connection id, a missing parameter), answered with an error; those
 * `…_refused` are among the announces and scrapes.
 */
export const COUNTER_NAMES = [
  'udp4_connections',
  'udp4_announces',
  'udp4_scrapes',
  'udp4_errors',
  'udp4_announces_refused',
  'udp4_scrapes_refused',
  'udp6_connections',
  'udp6_announces',
  'udp6_scrapes',
  'udp6_errors',
  'udp6_announces_refused',
  'udp6_scrapes_refused',
  'tcp4_announces',
  'tcp4_scrapes',
  'tcp4_errors',
  'tcp4_announces_refused',
  'tcp4_scrapes_refused',
  'tcp6_announces',
  'tcp6_scrapes',
  'tcp6_errors',
  'tcp6_announces_refused',
  'tcp6_scrapes_refused',
  /** Datagrams that were no request: silence. */
  'udp_ignored',
  /** Datagrams dropped because too many were in work, by us or by the system. */
  'udp_dropped',
  /** Error replies held back: too many to one address. */
  'udp_errors_silenced',
  /** Datagrams of banned addresses: silence. */
  'udp_banned',
  /** Datagrams of addresses that sent too many: silence. */
  'udp_over_rate',
  /** HTTP requests of banned addresses, refused. */
  'refused_banned',
  /** Datagrams and connections that begin with a header of the PROXY protocol and come from no trusted proxy. */
  'proxy_untrusted',
  /** Datagrams and connections of trusted proxies whose header is broken. */
  'proxy_broken',
  /** Datagrams of trusted proxies that do not say where the client is. */
  'proxy_silent',
  /** Regular announces that came too early too often, answered without peers. */
  'early_announces',
  /** HTTP connections closed to make room for others, or because their address had too many. */
  'http_connections_closed',
  /** Replies that the system would not send. */
  'udp_unsent',
  /** Announces of torrents that a listed tracker does not serve. */
  'refused_unlisted',
  /** Announces of those who may not use a private tracker. */
  'refused_private',
  /** Announces of torrents that are denied. */
  'refused_denied',
  /** Announces of programs that are not allowed, by their peer id. */
  'refused_client',
  /** Announces of addresses and ports that cannot be a peer`s. */
  'refused_address',
  /** Requests refused because their address sent too many. */
  'refused_over_rate',
  /** Announces of new torrents, refused because there are as many as there may be. */
  'refused_torrents',
  /** … because their address has added as many as it may. */
  'refused_address_torrents',
  /** Announces of new peers, refused because their swarm has as many as it may. */
  'refused_swarm_peers',
  /** Announces and scrapes refused because too many waited for Redis. */
  'store_busy',
  /** Announces and scrapes refused because Redis could not be reached. */
  'store_away',
  /** … because it did not answer in time. */
  'store_slow',
  /** … because it was reading its data after a start. */
  'store_loading',
  /** … because it took no writes. */
  'store_read_only',
  /** … because it had no memory left. */
  'store_out_of_memory',
  /** … because another Redis was taking its place. */
  'store_failing_over',
  /** Announces refused because of a damaged swarm. */
  'store_damaged',
] as const

/** A counter's name. */
export type CounterName = (typeof COUNTER_NAMES)[number]

/** The counters of one process: plain numbers, since they are changed on every request. */
export type Counters = Record<CounterName, number>

/** Counts an announce, or a scrape, that was refused; what is Redis's part the store has counted. */
export function countRefused(
  counters: Counters,
  kind: `${'udp' | 'tcp'}${'4' | '6'}_${'announces' | 'scrapes'}`,
  cause: string,
): void {
  counters[`${kind}_refused`] += 1
  const name = `refused_${cause}`
  if (name in counters) counters[name as CounterName] += 1
}

/** Counters at zero. */
export const makeCounters = (): Counters =>
  Object.fromEntries(COUNTER_NAMES.map((name) => [name, 0])) as Record<CounterName, number>
