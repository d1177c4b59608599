import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import type { RedisOptions } from 'ioredis'
import { messageOf, OperatorError } from '../errors.ts'

/** A host, or an address, and a port. */
export type HostPort = { host: string; port: number }

/**
 * What a Redis URL names: one server, the master that Sentinels know of, or the nodes that a Cluster is asked about. `options`
 * hold for each server that the swarms are on.
 */
export type RedisAddress =
  | { kind: 'server'; options: RedisOptions }
  | { kind: 'sentinel'; options: RedisOptions }
  | { kind: 'cluster'; nodes: HostPort[]; options: RedisOptions }

const FORMS =
  'redis://host:port, rediss://host:port, unix:///path, redis+cluster://host:port,host:port or redis+sentinel://host:port,host:port/name'

const PORTS = { redis: 6379, cluster: 6379, sentinel: 26_379 } as const
/** `redis+cluster://[user[:password]@]host[:port][,…][/name][?query]`; `rediss+…` by TLS. */
const SEVERAL =
  /^redis(s?)\+(cluster|sentinel):\/\/(?:([^:@/?#]*)(?::([^@/?#]*))?@)?([^@/?#]+)(?:\/([^/?#]*))?(?:\?([^#]*))?$/
const HOST_PORT = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s[\]]+))(?::(\d{1,5}))?$/
/** Files of TLS, as queries name them. */
const TLS_FILES = ['ca', 'cert', 'key'] as const

/** Reads `REDSWARM_REDIS_URL`; throws an OperatorError that says what is wrong with it, without what may be a password. */
export function parseRedisUrl(url: string): RedisAddress {
  const several = SEVERAL.exec(url)
  if (several) return severalOf(several)
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  switch (parsed?.protocol) {
    case 'unix:': {
      const { db = '' } = queriesOf(parsed.searchParams, ['db'])
      const options = { ...credentials(parsed), path: decoded(parsed.pathname), db: databaseOf(db) }
      return { kind: 'server', options }
    }
    case 'redis:':
    case 'rediss:': {
      const host = parsed.hostname.replace(/^\[|\]$/g, '') || '127.0.0.1'
      const isTls = parsed.protocol === 'rediss:'
      const queries = queriesOf(parsed.searchParams, isTls ? TLS_FILES : [])
      const place = { host, port: Number(parsed.port || PORTS.redis), db: databaseOf(parsed.pathname.slice(1)) }
      return {
        kind: 'server',
        options: { ...credentials(parsed), ...place, ...(isTls && { tls: tlsOf(host, queries) }) },
      }
    }
    default:
      throw new OperatorError(`REDSWARM_REDIS_URL must be ${FORMS}, not ${shownUrl(url)}`)
  }
}

/** The hosts that a URL names; none where it is a socket of this machine's. */
export function hostsOf(address: RedisAddress): string[] {
  if (address.kind === 'cluster') return address.nodes.map(({ host }) => host)
  if (address.kind === 'sentinel') return (address.options.sentinels ?? []).map(({ host = '' }) => host)
  return address.options.host === undefined ? [] : [address.options.host]
}

/** A Redis URL as it may be shown: without all before the last @, since a password may hold any character, and without queries. */
export const shownUrl = (url: string): string =>
  url.replace(/^([a-z+]+:\/\/)?.*@/is, '$1').replace(/\?.*sentinel_password.*/s, '')

function severalOf([
  ,
  tlsMark,
  kind,
  username = '',
  password = '',
  hosts = '',
  name = '',
  query,
]: string[]): RedisAddress {
  const isTls = tlsMark === 's'
  const own = kind === 'sentinel' ? ['db', 'sentinel_username', 'sentinel_password'] : []
  const queries = queriesOf(new URLSearchParams(query), [...own, ...(isTls ? TLS_FILES : [])])
  const tls = isTls ? tlsOf('', queries) : undefined
  const options: RedisOptions = { ...credentials({ username, password }), ...(tls && { tls }) }
  const nodes = hosts.split(',').map((text) => hostPortOf(text, PORTS[kind as 'cluster' | 'sentinel']))
  if (kind === 'cluster') {
    if (name !== '') throw new OperatorError(`REDSWARM_REDIS_URL: a Cluster has one database, and no /${name}`)
    return { kind: 'cluster', nodes, options }
  }
  if (name === '') {
    throw new OperatorError(
      'REDSWARM_REDIS_URL: redis+sentinel:// needs the name of the master, as the Sentinels call it: …/mymaster',
    )
  }
  return {
    kind: 'sentinel',
    options: {
      ...options,
      ...{ sentinels: nodes, name: decoded(name), db: databaseOf(queries.db ?? '') },
      ...(queries.sentinel_username && { sentinelUsername: queries.sentinel_username }),
      ...(queries.sentinel_password && { sentinelPassword: queries.sentinel_password }),
      ...(tls && { sentinelTLS: tls, enableTLSForSentinelMode: true }),
    },
  }
}

function hostPortOf(text: string, defaultPort: number): HostPort {
  const [, ipv6, name, port] = HOST_PORT.exec(text) ?? []
  const host = ipv6 ?? name
  if (host === undefined || Number(port ?? defaultPort) > 65_535 || Number(port ?? defaultPort) === 0)
    throw new OperatorError(`REDSWARM_REDIS_URL names ${text || 'an empty host'}, which is no host:port`)
  return { host, port: Number(port ?? defaultPort) }
}

/** TLS names a server (SNI) by its name only; of an address, the certificate is held against the address. */
function tlsOf(host: string, files: Partial<Record<string, string>>): ConnectionOptions {
  const tls: ConnectionOptions = isIP(host) === 0 && host !== '' ? { servername: host } : {}
  for (const name of TLS_FILES) {
    const file = files[name]
    if (file === undefined) continue
    try {
      tls[name] = readFileSync(file)
    } catch (error) {
      throw new OperatorError(`REDSWARM_REDIS_URL: cannot read the file of ?${name}=: ${messageOf(error)}`)
    }
  }
  return tls
}

/** The queries of a URL, none of which is of another name. */
function queriesOf(params: URLSearchParams, names: readonly string[]): Partial<Record<string, string>> {
  for (const name of params.keys()) {
    if (!names.includes(name)) {
      const known = names.length > 0 ? `only ${names.join(', ')}` : 'none is'
      throw new OperatorError(`REDSWARM_REDIS_URL has ?${name}=, which is not known there: ${known}`)
    }
  }
  return Object.fromEntries(params)
}

const credentials = ({ username, password }: { username: string; password: string }): RedisOptions => ({
  ...(username && { username: decoded(username) }),
  ...(password && { password: decoded(password) }),
})

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // Not shown: it may be a password.
    throw new OperatorError('REDSWARM_REDIS_URL has a % that stands for no character: write %25 for it')
  }
}

function databaseOf(text: string): number {
  if (/^\d*$/.test(text)) return Number(text)
  throw new OperatorError(`REDSWARM_REDIS_URL names the database ${text}, which must be a number`)
}
