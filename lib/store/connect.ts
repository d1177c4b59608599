import { Redis, type RedisOptions } from 'ioredis'
import { messageOf, OperatorError } from '../errors.ts'
import type { Logger } from '../observe/log.ts'
import { checkServer } from './check-server.ts'

/** Longest that a command of the data path may take before its client is told that the tracker is away. */
const COMMAND_MS_MAX = 2000
const CONNECT_MS_MAX = 5000
/** Service is to resume within a second of Redis being back. */
const RETRY_MS_MAX = 400

/** What ioredis needs to reach the Redis of a URL; it does not know `unix://` itself. */
export function redisOptions(url: string): RedisOptions {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  switch (parsed?.protocol) {
    case 'unix:':
      return {
        ...credentials(parsed),
        path: decodeURIComponent(parsed.pathname),
        db: Number(parsed.searchParams.get('db') ?? 0),
      }
    case 'redis:':
    case 'rediss:':
      return {
        ...credentials(parsed),
        host: parsed.hostname.replace(/^\[|\]$/g, '') || '127.0.0.1',
        port: Number(parsed.port || 6379),
        db: Number(parsed.pathname.slice(1) || 0),
        ...(parsed.protocol === 'rediss:' && { tls: { servername: parsed.hostname } }),
      }
    default:
      throw new OperatorError(
        `REDSWARM_REDIS_URL must be redis://host:port, rediss://host:port or unix:///path, not ${shownUrl(url)}`,
      )
  }
}

function credentials(url: URL): RedisOptions {
  return {
    ...(url.username && { username: decodeURIComponent(url.username) }),
    ...(url.password && { password: decodeURIComponent(url.password) }),
  }
}

/** A Redis URL as it may be shown: without user and password. */
export const shownUrl = (url: string): string => url.replace(/\/\/[^/@]*@/, '//')

/**
 * Connects the data path: a command that cannot be sent fails at once, one that is not answered in time fails, and none
 * is ever sent twice. Checks that the server can serve a tracker; throws an OperatorError that says what is wrong.
 */
export async function connectRedis(url: string, log: Logger): Promise<Redis> {
  const options: RedisOptions = {
    ...redisOptions(url),
    protocol: 2,
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: COMMAND_MS_MAX,
    connectTimeout: CONNECT_MS_MAX,
    retryStrategy: (attempt) => Math.min(50 * attempt, RETRY_MS_MAX),
  }
  const redis = new Redis(options)
  let lastProblem = ''
  redis.on('error', (error) => {
    lastProblem = messageOf(error)
  })
  try {
    await redis.connect()
    await checkServer(redis)
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
