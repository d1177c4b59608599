/** What is said of a limit, in words of JSON Schema. */
const limit = <Default extends number>(description: string, byDefault: Default, minimum: number, maximum: number) =>
  ({ type: 'integer', description, default: byDefault, minimum, maximum }) as const

/** The settings that keep one client from the share of others, and all of them from more than the tracker has. */
export const limitsSchema = {
  REDSWARM_LIMITS_EXEMPT: {
    type: 'string',
    description:
      'Addresses and networks (CIDR) that the limits of one client address are not for, with commas between: this machine, unless set; a load test’s, or a gateway behind which all clients are.',
    default: '127.0.0.0/8,::1',
  },
  REDSWARM_ADDRESS_ANNOUNCES_PER_S: limit(
    'Announces and scrapes a second of one client address (IPv4, or a /64 of IPv6) that a frontend answers; a scrape counts once for each 8 info hashes. 0: no limit.',
    500,
    0,
    1_000_000,
  ),
  REDSWARM_ADDRESS_CONNECTS_PER_S: limit(
    'UDP connects a second of one client address that a frontend answers. 0: no limit.',
    500,
    0,
    1_000_000,
  ),
  REDSWARM_ADDRESS_BURST_S: limit(
    'Seconds of both that an address which was silent may use at once: 40 s of 500 are 20,000.',
    40,
    1,
    3600,
  ),
  REDSWARM_ADDRESS_TORRENTS_MAX: limit(
    'Torrents that one client address may add through a frontend in a peer lifetime; those that are there already are not counted. 0: no limit.',
    50_000,
    0,
    100_000_000,
  ),
  REDSWARM_EARLY_ANNOUNCES_MAX: limit(
    'Regular announces of a peer sooner than the minimum interval that get peers all the same. Those after them are answered without. 255: no limit.',
    3,
    0,
    255,
  ),
  REDSWARM_ANNOUNCE_INTERVAL_MAX_S: {
    type: 'integer',
    description:
      'Longest interval that clients are told while the tracker is overloaded. Unset: twice `REDSWARM_ANNOUNCE_INTERVAL_S`, or what the peer lifetime leaves.',
    minimum: 1,
    maximum: 86400,
  },
  REDSWARM_TORRENTS_MAX: limit(
    'Torrents in all, about; new ones are refused where there are as many. 0: no limit.',
    20_000_000,
    0,
    1_000_000_000,
  ),
  REDSWARM_SWARM_PEERS_MAX: limit(
    'Peers of one torrent; new ones are refused where there are as many.',
    1_000_000,
    1,
    100_000_000,
  ),
  REDSWARM_COMPLETED_LIFETIME_S: limit(
    'Seconds that a torrent without peers is kept for the sake of its completed downloads; a listed tracker keeps it for good.',
    2_592_000,
    0,
    315_360_000,
  ),
  REDSWARM_HTTP_CONNECTIONS_MAX: limit(
    'Open connections of each HTTP process. At the limit, the one that has been idle longest makes room. Fewer where the process may have fewer files open (`ulimit -n`).',
    20_000,
    1,
    1_000_000,
  ),
  REDSWARM_HTTP_CONNECTIONS_PER_ADDRESS: limit(
    '… of one client address (IPv4, or a /64 of IPv6); connections of trusted proxies are not counted.',
    2000,
    1,
    1_000_000,
  ),
  REDSWARM_PORT_MIN: limit('Least port that a peer may have: 1024 refuses those of system services.', 1, 1, 65535),
  REDSWARM_CLIENT_IP_FROM: {
    type: 'string',
    description:
      'Addresses and networks (CIDR) of clients that may name another address to be found at, by `ip` of an announce, with commas between. What others say there is passed over.',
    default: '',
  },
  REDSWARM_PRIVATE_PEERS: {
    type: 'boolean',
    description: 'Keep peers that name a private or loopback address of theirs, though they ask from a public one.',
    default: false,
  },
} as const
