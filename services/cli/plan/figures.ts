/** A figure that a plan is made of, and where it is from. */
export type Figure = { value: number; unit: string; what: string; source: string }

const figure = (value: number, unit: string, what: string, source: string): Figure => ({ value, unit, what, source })

const UDP = 'docs/benchmarks.md, next to other trackers, UDP'
const HTTP = 'docs/benchmarks.md, next to other trackers, HTTP'
const SIZES = 'docs/scaling.md, by npm run bench:sizes'
const ASSUMED = 'assumed'

/**
 * All that a plan multiplies with. Those measured are held to the tables that they are from by test/unit/plan-figures.test.ts; an update of
 * a table is an update here.
 */
export const FIGURES = {
  udpFrontendUs: figure(5.91, 'µs', 'CPU of a UDP frontend per response', UDP),
  udpRedisUs: figure(
    5.6,
    'µs',
    'CPU of Redis per response of the same load, half of which are connects that it does not see',
    UDP,
  ),
  httpFrontendUs: figure(42.9, 'µs', 'CPU of an HTTP frontend per response, over connections that are kept', HTTP),
  httpRedisUs: figure(12.7, 'µs', 'CPU of Redis per response of the same load', HTTP),
  sweepUs: figure(
    17.6,
    'µs',
    'CPU of Redis per peer that falls silent (0.9 % for 2 million in 3,900 s)',
    'docs/benchmarks.md, frontends, and sweeps',
  ),
  clusterFactor: figure(
    1.15,
    'times',
    'CPU per announce on the nodes of a Cluster next to one Redis, at most',
    'a limit; docs/scaling.md has 1.12',
  ),
  torrentBytes: figure(334, 'bytes', 'Redis memory of a torrent with one IPv4 peer, with details', SIZES),
  torrentBytesBare: figure(286, 'bytes', 'the same without details', SIZES),
  peerBytes: figure(79.6, 'bytes', 'Redis memory of an IPv4 peer of a large swarm, with details', SIZES),
  peerBytesBare: figure(30.5, 'bytes', 'the same without details', SIZES),
  peer6Bytes: figure(106, 'bytes', 'Redis memory of an IPv6 peer of a large swarm, with details', SIZES),
  peer6BytesBare: figure(57.1, 'bytes', 'the same without details', SIZES),
  fileBytes: figure(177, 'bytes', 'append-only file per announce, with details', SIZES),
  fileBytesBare: figure(133, 'bytes', 'the same without details', SIZES),
  redisInBytes: figure(135, 'bytes', 'network into Redis per announce, with details', SIZES),
  redisInBytesBare: figure(90.1, 'bytes', 'the same without details', SIZES),
  redisOutBytes: figure(45.1, 'bytes', 'network out of Redis per announce, but for the peers', SIZES),
  frontendBytes: figure(
    300e6,
    'bytes',
    'memory of a frontend process under load (226 to 277 MB)',
    'docs/benchmarks.md, frontends, and sweeps',
  ),
  moreAnnounces: figure(
    1.1,
    'times',
    'announces next to those that the interval makes: started, completed, stopped',
    ASSUMED,
  ),
  coreShare: figure(
    0.6,
    'of a core',
    'that a process may use at most, for peaks, rewrites of files and failovers',
    ASSUMED,
  ),
  masterBytesMax: figure(16e9, 'bytes', 'data of a master at most: a fork of more holds it up', ASSUMED),
  fragmentation: figure(1.1, 'times', 'memory that Redis has from the system next to what it uses', ASSUMED),
  forkShare: figure(
    0.5,
    'of the data',
    'memory on top while a fork writes a file: pages that are changed meanwhile',
    ASSUMED,
  ),
  diskShare: figure(
    3,
    'times the data',
    'disk of an append-only file: the old one doubled, and a new one beside it',
    ASSUMED,
  ),
  replicas: figure(1, 'each', 'replicas of a master', ASSUMED),
  repliedPeers: figure(50, 'peers', 'in a reply (REDSWARM_NUMWANT_DEFAULT)', ASSUMED),
  udpInBytes: figure(
    170,
    'bytes',
    'to a UDP frontend per announce: a connect and an announce, with their headers',
    'BEP 15',
  ),
  udpOutBytes: figure(92, 'bytes', 'from a UDP frontend per announce, but for the peers', 'BEP 15'),
  httpInBytes: figure(600, 'bytes', 'to an HTTP frontend per announce: a connection, its headers, a request', ASSUMED),
  httpOutBytes: figure(600, 'bytes', 'from an HTTP frontend per announce, but for the peers', ASSUMED),
} as const satisfies Record<string, Figure>

/** Peers on one Redis that were measured (docs/benchmarks.md); a plan beyond is arithmetic alone. */
export const PEERS_OF_REDIS_MEASURED = 2_000_000
