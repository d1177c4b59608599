import { limitsSchema } from './limits-schema.ts'

/** Of one role on one machine: more than the cores of any, and each is a connection to Redis. */
const PROCESSES_MAX = 256

/** What is said of a setting, in words of JSON Schema. */
export type Property = {
  type: 'string' | 'integer' | 'boolean'
  description: string
  default?: string | number | boolean
  enum?: readonly string[]
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  writeOnly?: boolean
}
type Schema = { type: 'object'; properties: Record<string, Property> }

/** Every setting, once: names, types, defaults and what the docs say follow from here. `writeOnly` marks a secret. */
export const settingsSchema = {
  type: 'object',
  properties: {
    REDSWARM_REDIS_URL: {
      type: 'string',
      description:
        'The Redis that keeps the swarms: `redis://[user:password@]host:port[/db]`, `unix:///path[?db=0]`, a Cluster by some of its nodes: `redis+cluster://[user:password@]host:port,host:port`, or the master that Sentinels know of: `redis+sentinel://[user:password@]host:port,host:port/name[?db=0&sentinel_username=…&sentinel_password=…]`. By TLS: `rediss://…`, `rediss+cluster://…`, `rediss+sentinel://…`, with `?ca=FILE` (an authority of your own) and `&cert=FILE&key=FILE` (a certificate of the client). Unset: `redswarm up` runs a private one in the data folder.',
      writeOnly: true,
    },
    REDSWARM_KEY_PREFIX: {
      type: 'string',
      description: 'Put before every key, so that several trackers can share one Redis.',
      default: '',
      maxLength: 32,
    },
    REDSWARM_UDP_LISTEN: {
      type: 'string',
      description: 'Addresses and ports of the UDP tracker, with commas between. Port 0 takes a free one.',
      default: '0.0.0.0:6969,[::]:6969',
    },
    REDSWARM_UDP_PROCESSES: {
      type: 'integer',
      description:
        'Processes of the UDP tracker, all on the same ports; one that ends is started again. One takes a core under load. `redswarm udp --processes N` is the same.',
      default: 1,
      minimum: 1,
      maximum: PROCESSES_MAX,
    },
    REDSWARM_HTTP_LISTEN: {
      type: 'string',
      description: 'Addresses and ports of the HTTP tracker, with commas between.',
      default: '0.0.0.0:7070,[::]:7070',
    },
    REDSWARM_HTTP_PROCESSES: {
      type: 'integer',
      description: 'Processes of the HTTP tracker, likewise. `redswarm http --processes N` is the same.',
      default: 1,
      minimum: 1,
      maximum: PROCESSES_MAX,
    },
    REDSWARM_API_LISTEN: {
      type: 'string',
      description: 'Addresses and ports of the REST API and the dashboard, with commas between.',
      default: '127.0.0.1:1212',
    },
    REDSWARM_API_TOKEN: {
      type: 'string',
      description:
        'The token that the REST API asks for. Unset: one is made at the first start, kept in `api-token` in the data folder and shown once.',
      minLength: 8,
      writeOnly: true,
    },
    REDSWARM_API_TOKENS: {
      type: 'string',
      description:
        'More tokens of the REST API, each `NAME:read:TOKEN` or `NAME:admin:TOKEN`, with commas between; `read` may change nothing. A token has 8 characters at least, no comma and no space.',
      writeOnly: true,
    },
    REDSWARM_HEALTH_LISTEN: {
      type: 'string',
      description:
        'Addresses and ports of the health service, with commas between. It runs beside the REST API and asks every service of its process.',
      default: '127.0.0.1:1313',
    },
    REDSWARM_METRICS_LISTEN: {
      type: 'string',
      description:
        'Addresses and ports of `/metrics`, `/health/live` and `/health/ready` of a process, whatever its roles, with commas between. Unset, where the port is taken a free one is used and told in the log. Several processes on one port (`--processes`, `--process N`) have the ports after it.',
      default: '127.0.0.1:9464',
    },
    REDSWARM_LISTED: { type: 'boolean', description: 'Serve only torrents on the whitelist.', default: false },
    REDSWARM_PRIVATE: {
      type: 'boolean',
      description: 'Serve only clients whose tracker URL has a passkey: `/announce/PASSKEY`.',
      default: false,
    },
    REDSWARM_EVENTS_MAX: {
      type: 'integer',
      description:
        'Events (a torrent added, completed, evicted) that are kept for `GET /api/v2/events`, about. 0: none is written.',
      default: 10_000,
      minimum: 0,
      maximum: 1_000_000,
    },
    REDSWARM_ANNOUNCE_INTERVAL_S: {
      type: 'integer',
      description: 'Seconds between two announces of a client. What one client is told is longer by up to 10 %.',
      default: 1800,
      minimum: 1,
      maximum: 86400,
    },
    REDSWARM_ANNOUNCE_MIN_INTERVAL_S: {
      type: 'integer',
      description: 'Seconds that a client is asked to wait at least (`min interval`).',
      default: 900,
      minimum: 1,
      maximum: 86400,
    },
    REDSWARM_PEER_LIFETIME_S: {
      type: 'integer',
      description: 'Seconds after its last announce that a peer is kept. Longer than interval, its spread and a sweep.',
      default: 3900,
      minimum: 3,
      maximum: 604800,
    },
    REDSWARM_SWEEP_INTERVAL_S: {
      type: 'integer',
      description: 'Seconds between two sweeps, which remove the peers that were not heard from.',
      default: 60,
      minimum: 1,
      maximum: 3600,
    },
    REDSWARM_NUMWANT_DEFAULT: {
      type: 'integer',
      description: 'Peers in a reply to a client that does not say how many it wants.',
      default: 50,
      minimum: 0,
      maximum: 242,
    },
    REDSWARM_NUMWANT_MAX: {
      type: 'integer',
      description: 'Most peers in a reply. A UDP reply never has more than fit one packet: 242 of IPv4, 79 of IPv6.',
      default: 200,
      minimum: 1,
      maximum: 242,
    },
    REDSWARM_PEER_DETAILS: {
      type: 'boolean',
      description:
        'Keep what a peer says of itself (peer id, uploaded, downloaded, left, event): 45 bytes a peer. Without, `compact=0` replies have no `peer id`.',
      default: true,
    },
    REDSWARM_CONNECTION_ID_LIFETIME_S: {
      type: 'integer',
      description: 'Seconds that a UDP connection id is good for at least (at most 1.5 times that).',
      default: 120,
      minimum: 2,
      maximum: 7200,
    },
    REDSWARM_DATA_DIR: { type: 'string', description: 'The data folder: private Redis, API token.', default: './data' },
    REDSWARM_SECRET: {
      type: 'string',
      description:
        'What connection ids are made with; the same for all frontends. Unset: agreed through Redis at the first start.',
      minLength: 16,
      writeOnly: true,
    },
    REDSWARM_TRUSTED_PROXIES: {
      type: 'string',
      description:
        'Addresses and networks (CIDR) of proxies that are believed where a client is, with commas between: by a header of the PROXY protocol, version 1 or 2, before each datagram or at the start of an HTTP connection, or by `X-Forwarded-For`. What comes through one must say it.',
      default: '',
    },
    ...limitsSchema,
    REDSWARM_REDIS_SERVER: {
      type: 'string',
      description: 'The server program of the private Redis (Redis 7.0 or Valkey 7.2 at least). Unset: it is found.',
    },
    REDSWARM_LOG_LEVEL: {
      type: 'string',
      enum: ['fatal', 'error', 'warn', 'info', 'debug', 'trace'],
      description: 'The least level that is logged: fatal, error, warn, info, debug or trace.',
      default: 'info',
    },
  },
} as const satisfies Schema

type Properties = typeof settingsSchema.properties
type ValueOf<P extends Property> = P['type'] extends 'integer' ? number : P['type'] extends 'boolean' ? boolean : string

/** The settings as the environment has them, checked and with defaults; those that have none may be missing. */
export type RawSettings = {
  [Name in keyof Properties]: Properties[Name] extends { default: string | number | boolean }
    ? ValueOf<Properties[Name]>
    : ValueOf<Properties[Name]> | undefined
}

/** The settings that are secrets: never logged. */
export const secretNames: string[] = Object.entries(settingsSchema.properties).flatMap(([name, property]) =>
  'writeOnly' in property ? [name] : [],
)
