import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import { messageOf, OperatorError } from '../errors.ts'

/** A host, or an address, and a port. */
export type HostPort = { host: string; port: number }

/** How a Redis is connected to, in the words of ioredis. */
export type RedisOptions = {
  username?: string
  password?: string
  tls?: ConnectionOptions
  db?: number
  host?: string
  port?: number
  path?: string
  sentinels?: HostPort[]
  name?: string
  sentinelUsername?: string
  sentinelPassword?: string
  sentinelTLS?: ConnectionOptions
  enableTLSForSentinelMode?: boolean
}

/** What a Redis URL names: one server, the master that Sentinels know of, or nodes of a Cluster. */
export type RedisAddress = {
  kind: 'server' | 'sentinel' | 'cluster'
  /** Those that are asked first; none where it is a socket of this machine's. */
  hosts: HostPort[]
  /** These hold for each server that the swarms are on. */
  options: RedisOptions
  /** It for people, without user, password and queries. */
  shown: string
}

const FORMS =
  'redis://host:port, rediss://host:port, unix:///path, redis+cluster://host:port,host:port or redis+sentinel://host:port,host:port/name'
const URL_FORM =
  /^(?:(unix)|redis(s?)(?:\+(cluster|sentinel))?):\/\/(?:([^:@/?#]*)(?::([^/?#]*))?@)?([^@/?#]*)(?:\/([^@?#]*))?(?:\?([^@#]*))?$/
/** A password that has other hosts and their users in it: all up to the last @ is the first one's. */
const ANOTHER_USER = /@.*,/
const HOST_PORT = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s[\]]+))(?::(\d{1,5}))?$/
const PORTS = { server: 6379, cluster: 6379, sentinel: 26_379 } as const
const PORT_MAX = 65_535
/** Files of TLS, as queries name them. */
const TLS_FILES = ['ca', 'cert', 'key'] as const

type Queries = Partial<Record<string, string>>

/**
 * Reads a Redis URL, and the files of TLS that it names; throws an OperatorError that says what is wrong with it, without
 * what may be a secret.
 */
export function parseRedisUrl(url: string): RedisAddress {
  const parts = URL_FORM.exec(url)
  // Not shown: any of it may be a password.
  if (!parts) throw wrong(`must be ${FORMS}; in a password, / ? # and @ are written as %2F %3F %23 and %40`)
  const [, unix, tlsMark, several = 'server', username = '', password = '', hostsText = '', path = '', query = ''] =
    parts
  const kind = several as RedisAddress['kind']
  if (kind !== 'server' && ANOTHER_USER.test(password))
    throw wrong(
      'a user and a password come once, before the first host, and are for all; an @ in a password is written as %40',
    )
  const isTls = tlsMark === 's'
  const queries = queriesOf(query, [
    ...(unix || kind === 'sentinel' ? ['db'] : []),
    ...(kind === 'sentinel' ? ['sentinel_username', 'sentinel_password'] : []),
    ...(isTls ? TLS_FILES : []),
  ])
  const user = {
    ...(username && { username: decoded(username) }),
    ...(password && { password: decoded(password) }),
  }
  const shown = `${url.slice(0, url.indexOf('://'))}://${hostsText}${path && `/${path}`}`
  if (unix) {
    if (hostsText !== '' || path === '') throw wrong('names a socket by its whole path: unix:///run/redis.sock')
    const options = { ...user, path: `/${decoded(path)}`, db: databaseOf(queries.db) }
    return { kind, hosts: [], options, shown }
  }
  const hosts = hostsText.split(',').map((text, i) => hostPortOf(text, PORTS[kind], i))
  // Of several servers, each is named by itself.
  const [name] = kind === 'server' ? hosts.map(({ host }) => host) : []
  const options = { ...user, ...(isTls && { tls: tlsOf(name, queries) }) }
  return { kind, hosts, options: { ...options, ...PLACES[kind]({ hosts, path, queries, ...options }) }, shown }
}

type Named = { hosts: HostPort[]; path: string; queries: Queries; tls?: ConnectionOptions }

/** What the options say of where it is, by kind. */
const PLACES: Record<RedisAddress['kind'], (named: Named) => RedisOptions> = {
  server({ hosts, path }) {
    if (hosts.length > 1) throw wrong('names several hosts: redis+cluster:// or redis+sentinel:// have several')
    return { ...(hosts[0] as HostPort), db: databaseOf(path) }
  },
  cluster({ path }) {
    if (path !== '') throw wrong('a Cluster has one database, so that nothing follows its hosts')
    return {}
  },
  sentinel({ hosts, path, queries, tls }) {
    if (path === '')
      throw wrong('redis+sentinel:// ends in the name of the master, as the Sentinels call it: /mymaster')
    return {
      ...{ sentinels: hosts, name: decoded(path), db: databaseOf(queries.db) },
      ...(queries.sentinel_username && { sentinelUsername: queries.sentinel_username }),
      ...(queries.sentinel_password && { sentinelPassword: queries.sentinel_password }),
      ...(tls && { sentinelTLS: tls, enableTLSForSentinelMode: true }),
    }
  },
}

const wrong = (what: string): OperatorError => new OperatorError(`REDSWARM_REDIS_URL: ${what}`)

function hostPortOf(text: string, defaultPort: number, i: number): HostPort {
  const [, ipv6, name, portText] = HOST_PORT.exec(text) ?? []
  const [host, port] = [ipv6 ?? name, Number(portText ?? defaultPort)]
  // Not shown: where an @ was left out, it is a password.
  if (host === undefined || port === 0 || port > PORT_MAX) throw wrong(`host ${i + 1} is no host:port`)
  return { host, port }
}

/** TLS names a server (SNI) by its name only; of an address, the certificate is held against the address. */
function tlsOf(host: string | undefined, files: Queries): ConnectionOptions {
  const tls: ConnectionOptions = host !== undefined && isIP(host) === 0 ? { servername: host } : {}
  if ((files.cert === undefined) !== (files.key === undefined)) throw wrong('a certificate has a key: ?cert=…&key=…')
  for (const name of TLS_FILES) {
    const file = files[name]
    if (file === undefined) continue
    try {
      tls[name] = readFileSync(file)
    } catch (error) {
      throw wrong(`cannot read the file of ?${name}=: ${messageOf(error)}`)
    }
  }
  return tls
}

/** The queries of a URL, each of which has one of these names, and once. */
function queriesOf(text: string, names: readonly string[]): Queries {
  const queries: Queries = {}
  for (const pair of text.split('&').filter(Boolean)) {
    const [name = '', value = ''] = pair.split(/=(.*)/s, 2).map(decoded)
    if (!names.includes(name))
      throw wrong(`?${name}= is not known there: ${names.length > 0 ? `only ${names.join(', ')}` : 'nothing is'}`)
    if (value === '' || queries[name] !== undefined) throw wrong(`?${name}= has one value`)
    queries[name] = value
  }
  return queries
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // Not shown: it may be a password.
    throw wrong('has a % that stands for no character: write %25 for it')
  }
}

function databaseOf(text = ''): number {
  if (/^\d*$/.test(text)) return Number(text)
  // Not shown: where an @ was left out, it is a part of a password.
  throw wrong('a database is a number')
}
