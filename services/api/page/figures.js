/** @import { History, Rates, Sample, State } from './types.d.ts' */

/** The chart shows so much. */
export const CHART_MS = 300_000

/** What came over which protocol, as the rows of the table of rates. */
export const PROTOCOLS = [
  { name: 'UDP, IPv4', prefix: 'udp4' },
  { name: 'UDP, IPv6', prefix: 'udp6' },
  { name: 'HTTP, IPv4', prefix: 'tcp4' },
  { name: 'HTTP, IPv6', prefix: 'tcp6' },
]

/** What is asked, with the counters' names for it. */
export const KINDS = [
  { name: 'Connects', counter: 'connections', sample: /** @type {const} */ ('connects') },
  { name: 'Announces', counter: 'announces', sample: /** @type {const} */ ('announces') },
  { name: 'Scrapes', counter: 'scrapes', sample: /** @type {const} */ ('scrapes') },
  { name: 'Errors', counter: 'errors', sample: /** @type {const} */ ('errors') },
]

/** What was not served, and why. */
export const LOST = [
  { counter: 'udp_dropped', name: 'Dropped: too many at once' },
  { counter: 'udp_ignored', name: 'Ignored: no request' },
  { counter: 'udp_errors_silenced', name: 'Errors held back' },
  { counter: 'udp_banned', name: 'Ignored: banned address' },
  { counter: 'udp_over_rate', name: 'Ignored: address over rate' },
  { counter: 'http_connections_closed', name: 'Connections closed: too many' },
  { counter: 'early_announces', name: 'No peers: announced too early' },
  { counter: 'udp_unsent', name: 'Replies not sent' },
  { counter: 'refused_unlisted', name: 'Refused: not listed' },
  { counter: 'refused_private', name: 'Refused: no valid key' },
  { counter: 'refused_denied', name: 'Refused: denied torrent' },
  { counter: 'refused_client', name: 'Refused: client not allowed' },
  { counter: 'refused_address', name: 'Refused: bad address or port' },
  { counter: 'refused_over_rate', name: 'Refused: address over rate' },
  { counter: 'refused_torrents', name: 'Refused: too many torrents' },
  { counter: 'refused_address_torrents', name: 'Refused: torrents of address' },
  { counter: 'refused_swarm_peers', name: 'Refused: too many peers' },
  { counter: 'refused_banned', name: 'Refused: banned address' },
  { counter: 'store_busy', name: 'Refused: Redis busy' },
  { counter: 'store_away', name: 'Refused: Redis away' },
  { counter: 'store_slow', name: 'Refused: Redis slow' },
  { counter: 'store_loading', name: 'Refused: Redis loading' },
  { counter: 'store_read_only', name: 'Refused: Redis read-only' },
  { counter: 'store_out_of_memory', name: 'Refused: Redis out of memory' },
  { counter: 'store_failing_over', name: 'Refused: Redis failing over' },
  { counter: 'store_damaged', name: 'Refused: swarm damaged' },
]

/** @param {Rates} rates @param {string} name */
export const rateOf = (rates, name) => rates[/** @type {keyof Rates} */ (name)] ?? 0

/**
 * One protocol's. Errors are all that was answered with one: requests that were none, and those that were refused.
 * @param {Rates} rates @param {string} prefix @param {string} counter
 */
export const rateIn = (rates, prefix, counter) =>
  rateOf(rates, `${prefix}_${counter}`) +
  (counter === 'errors' ? rateOf(rates, `${prefix}_announces_refused`) + rateOf(rates, `${prefix}_scrapes_refused`) : 0)

/** All protocols together. @param {Rates} rates @param {string} counter */
export const sumOf = (rates, counter) => PROTOCOLS.reduce((sum, { prefix }) => sum + rateIn(rates, prefix, counter), 0)

/** All that was asked in a second. @param {Rates} rates */
export const requestsOf = (rates) =>
  ['connections', 'announces', 'scrapes'].reduce((sum, counter) => sum + sumOf(rates, counter), 0) +
  // What was refused is among them.
  PROTOCOLS.reduce((sum, { prefix }) => sum + rateOf(rates, `${prefix}_errors`), 0)

/** @param {Rates} rates @param {number} at @returns {Sample} */
export const sampleOf = (rates, at) => ({
  at,
  connects: sumOf(rates, 'connections'),
  announces: sumOf(rates, 'announces'),
  scrapes: sumOf(rates, 'scrapes'),
  errors: sumOf(rates, 'errors'),
})

/** The samples of a history, which has a list for each counter. @param {History} history */
export const samplesOf = ({ at, rates }) =>
  at.map((ms, i) => {
    const entries = Object.entries(rates).map(([name, values]) => [name, values[i] ?? 0])
    return sampleOf(/** @type {Rates} */ (Object.fromEntries(entries)), ms)
  })

/** The time now, by the tracker's clock, in seconds: this machine's may be wrong. @param {State} state */
export const nowS = ({ at, heardMs }) => (at === 0 ? Date.now() / 1000 : (at + performance.now() - heardMs) / 1000)
