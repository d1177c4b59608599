import { isIP } from 'node:net'
import { Redis, type RedisOptions } from 'ioredis'
import { messageOf, OperatorError } from '../errors.ts'
import type { Logger } from '../observe/log.ts'
import { checkServer } from './check-server.ts'

/** Longest that a command of the data path may take before its client is told that the tracker is away. */
export const COMMAND_MS_MAX = 2000
const CONNECT_MS_MAX = 5000
/** A connection that says nothing for longer than any command may take is given up: its other end may be gone. */
export const SILENCE_MS_MAX = COMMAND_MS_MAX + 1000
/** How long a connection that is given up may take to say goodbye. */
const DISCONNECT_MS_MAX = 100
/** Service is to resume within a second of Redis being back. */
const RETRY_MS_MAX = 400

/** What ioredis needs to reach the Redis of a URL; it does not know `unix://` itself. */
export function redisOptions(url: string): RedisOptions {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  switch (parsed?.protocol) {
    case 'unix:':
      return {
        ...credentials(parsed),
        path: decoded(parsed.pathname),
        db: databaseOf(parsed.searchParams.get('db') ?? ''),
      }
    case 'redis:':
    case 'rediss:': {
      const host = parsed.hostname.replace(/^\[|\]$/g, '') || '127.0.0.1'
      return {
        ...credentials(parsed),
        host,
        port: Number(parsed.port || 6379),
        db: databaseOf(parsed.pathname.slice(1)),
        // TLS names a server (SNI) by its name only; of an address, the certificate is held against the address.
        ...(parsed.protocol === 'rediss:' && { tls: isIP(host) === 0 ? { servername: host } : {} }),
      }
    }
    default:
      throw new OperatorError(
        `REDSWARM_REDIS_URL must be redis://host:port, rediss://host:port or unix:///path, not ${shownUrl(url)}`,
      )
  }
}

function credentials(url: URL): RedisOptions {
  return {
    ...(url.username && { username: decoded(url.username) }),
    ...(url.password && { password: decoded(url.password) }),
  }
}

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

/** A Redis URL as it may be shown: without all before the last @, since a password may hold any character. */
export const shownUrl = (url: string): string => url.replace(/^([a-z]+:\/\/)?.*@/is, '$1')

/**
 * Connects the data path: a command that cannot be sent fails at once, one that is not answered in time fails, and none
 * is ever sent twice. Checks that the server can serve a tracker, unless another check is given; throws an OperatorError that
 * says what is wrong.
 */
export async function connectRedis(url: string, log: Logger, check = checkServer): Promise<Redis> {
  const options: RedisOptions = {
    ...redisOptions(url),
    protocol: 2,
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: COMMAND_MS_MAX,
    connectTimeout: CONNECT_MS_MAX,
    socketTimeout: SILENCE_MS_MAX,
    disconnectTimeout: DISCONNECT_MS_MAX,
    retryStrategy: (attempt) => Math.min(50 * attempt, RETRY_MS_MAX),
  }
  const redis = new Redis(options)
  let lastProblem = ''
  redis.on('error', (error) => {
    lastProblem = messageOf(error)
  })
  try {
    await redis.connect()
    await check(redis)
  } catch (error) {
    redis.disconnect()
    if (error instanceof OperatorError) throw error
    throw new OperatorError(
      `cannot reach Redis at ${shownUrl(url)}: ${lastProblem || messageOf(error)}\n` +
        '  is it running, and is REDSWARM_REDIS_URL right? Without that setting, `redswarm up` runs a Redis of its own.',
    )
  }
  let isLost = false
  redis.on('reconnecting', () => {
    if (!isLost) log.warn({ reason: lastProblem || undefined }, 'lost Redis; trying again until it is back')
    isLost = true
  })
  redis.on('ready', () => {
    if (isLost) log.info('Redis is back')
    isLost = false
    lastProblem = ''
  })
  return redis
}

/** Whether Redis answers: `beat` asks it, again and again, so that a silent connection is noticed by an idle process. */
export type Pulse = { beat: () => Promise<void>; isHealthy: () => boolean }

/** The pulse of a connection; a command that is not answered in time makes it ill till the next that is. */
export function makePulse(redis: Redis): Pulse {
  let hasAnswered = true
  return {
    isHealthy: () => hasAnswered && redis.status === 'ready',
    async beat() {
      try {
        await redis.ping()
        hasAnswered = true
      } catch {
        hasAnswered = false
      }
    },
  }
}
