import { connect as connectTcp, isIP } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { Cluster, Redis, type RedisOptions } from 'ioredis'
import { type HostPort, parseRedisUrl, type RedisAddress } from '../config/redis-url.ts'
import { messageOf, OperatorError } from '../errors.ts'
import { adviceOnConnecting } from './advice.ts'
import { checkServer } from './check-server.ts'
import { endConnection, needDatabase, type RedisClient } from './client.ts'
import { isReason } from './connection-problem.ts'
import { nodesOf } from './nodes.ts'
import { followMaster } from './sentinel-watch.ts'

/** Longest that a command of the data path may take before its client is told that the tracker is away. */
export const COMMAND_MS_MAX = 2000
const CONNECT_MS_MAX = 5000
/** A connection that says nothing for longer than any command may take is given up: its other end may be gone. */
export const SILENCE_MS_MAX = COMMAND_MS_MAX + 1000
/** How long a connection that is given up may take to say goodbye. */
const DISCONNECT_MS_MAX = 100
/** Service is to resume within a second of Redis being back. */
const RETRY_MS_MAX = 200
/** How often a Redis that is a replica now is left at most, where its name may lead to another. */
const LEFT_EVERY_MS = 5000
/** How long a node may take to tell that before another is asked: one that hangs must not hide what the others know. */
const SLOTS_MS_MAX = 250
/** How often the connection that waits for jobs asks a Cluster where its slots are: of a node that hangs it would never hear. */
const PATIENT_SLOTS_EVERY_MS = 500
/** How often a Redis that reads its data after a start is asked whether it has. */
const LOADING_EVERY_MS = 100
/** How often a command of its own follows a slot that moves, and how long it waits before. */
const REDIRECTIONS_MAX = 16
const REDIRECTION_WAITS_MS = 100

/** Whether a master has answered that it is a replica now. */
const isReadOnly = ({ message }: Error): boolean => message.startsWith('READONLY')

const retryDelayMs = (attempt: number): number => Math.min(50 * attempt, RETRY_MS_MAX)

/**
 * A command that cannot be sent fails at once, one that is not answered in time fails, and none is ever sent twice.
 */
const DATA_PATH: RedisOptions = {
  protocol: 2,
  lazyConnect: true,
  // A command of Redis 7.2, which no user's rights can name before.
  disableClientInfo: true,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  commandTimeout: COMMAND_MS_MAX,
  connectTimeout: CONNECT_MS_MAX,
  socketTimeout: SILENCE_MS_MAX,
  disconnectTimeout: DISCONNECT_MS_MAX,
  maxLoadingRetryTime: LOADING_EVERY_MS,
  retryStrategy: retryDelayMs,
  sentinelCommandTimeout: COMMAND_MS_MAX,
}

/**
 * Connects the data path. Checks that the server can serve a tracker, unless another check is given; throws an OperatorError
 * that says what is wrong.
 */
export async function connectRedis(url: string, check = checkServer): Promise<RedisClient> {
  const address = parseRedisUrl(url)
  let hasConnected = false
  const redis = address.kind === 'cluster' ? makeCluster(address) : makeRedis(address, () => hasConnected)
  let lastProblem = ''
  redis.on('error', (error: Error) => {
    if (isReason(error)) lastProblem = problemOf(error)
  })
  redis.on('sentinelError', ({ message }: Error) => {
    lastProblem = message
  })
  if (redis instanceof Redis) {
    needDatabase(redis)
    followMaster(redis, address.options)
  }
  try {
    await redis.connect()
    hasConnected = true
    await nodesOf(redis).refresh()
    if (nodesOf(redis).all().length === 0) throw nowhere(address)
    await check(redis)
  } catch (error) {
    endConnection(redis)
    if (error instanceof OperatorError) throw error
    let problem = lastProblem || messageOf(error)
    if (problem.endsWith(CLOSED)) problem = problem.replace(CLOSED, await reasonAt(address))
    throw new OperatorError(`cannot reach Redis at ${address.shown}: ${problem}\n  ${adviceOnConnecting(problem)}`)
  }
  return redis
}

/** What is wrong with a Cluster that names no master: one whose slots are not shared out, or a lone node, which knows no address of its own. */
const nowhere = ({ shown }: RedisAddress): OperatorError =>
  new OperatorError(
    `the Cluster at ${shown} does not say where its masters are\n` +
      '  share out its slots (redis-cli --cluster create), and set cluster-announce-ip on a node that is alone',
  )

/** Where no Sentinel answers, they are asked again and again, but for the first time. */
const makeRedis = ({ options }: RedisAddress, hasConnected: () => boolean): Redis =>
  new Redis({
    ...options,
    ...DATA_PATH,
    sentinelRetryStrategy: (attempt) => (hasConnected() ? retryDelayMs(attempt) : null),
    reconnectOnError: makeLeaving(options),
  })

/**
 * Says whether a Redis is to be left for what it answered: one that is a replica now, where the Sentinels know another master, or
 * its name may lead to one, which is looked for again after `LEFT_EVERY_MS`.
 */
function makeLeaving({ sentinels, host = '' }: RedisAddress['options']): (error: Error) => boolean {
  const isName = host !== '' && isIP(host) === 0
  let leftMs = Number.NEGATIVE_INFINITY
  return (error) => {
    if (!isReadOnly(error) || (!sentinels && !isName)) return false
    const nowMs = performance.now()
    if (!sentinels && nowMs - leftMs < LEFT_EVERY_MS) return false
    leftMs = nowMs
    return true
  }
}

/** Of each node, too, a command fails rather than wait; where its slot is, the Cluster is asked. */
function makeCluster({ hosts, options }: RedisAddress): Cluster {
  const { retryStrategy: _, enableOfflineQueue: __, ...each } = DATA_PATH
  return new Cluster(hosts, {
    redisOptions: { ...options, ...each },
    lazyConnect: true,
    enableOfflineQueue: false,
    // It asks any node, and is never done where that one is away: the others are to serve.
    enableReadyCheck: false,
    clusterRetryStrategy: retryDelayMs,
    clusterNodeRetryStrategy: retryDelayMs,
    maxRedirections: REDIRECTIONS_MAX,
    retryDelayOnTryAgain: REDIRECTION_WAITS_MS,
    retryDelayOnClusterDown: REDIRECTION_WAITS_MS,
    retryDelayOnFailover: REDIRECTION_WAITS_MS,
    slotsRefreshTimeout: SLOTS_MS_MAX,
  })
}

/** All that ioredis says of a Sentinel, or a node of a Cluster, that cannot be connected to. */
const CLOSED = 'Connection is closed.'

/** Why the first host of a URL cannot be connected to. */
function reasonAt({ hosts, options }: RedisAddress): Promise<string> {
  const [host] = hosts as [HostPort]
  return new Promise((resolve) => {
    const done = (reason: string) => {
      socket.destroy()
      resolve(reason)
    }
    const socket = options.tls ? connectTls({ ...host, ...options.tls }) : connectTcp(host)
    socket.once('error', ({ message }: Error) => done(message))
    socket.once(options.tls ? 'secureConnect' : 'connect', () => done(CLOSED))
    socket.setTimeout(CONNECT_MS_MAX, () => done('it does not answer'))
  })
}

/** A Cluster that answers nowhere tells what its last node said. */
const problemOf = (error: Error & { lastNodeError?: Error }): string => messageOf(error.lastNodeError ?? error)

/** A connection that waits for Redis as long as it takes, and for what it asks of it, wherever the master is then: BullMQ's. */
export function connectPatiently(url: string): RedisClient {
  const { kind, hosts, options } = parseRedisUrl(url)
  const each: RedisOptions = {
    ...{ ...options, protocol: 2, disableClientInfo: true, maxRetriesPerRequest: null, lazyConnect: true },
    // What a replica refused is sent again.
    reconnectOnError: (error) => (isReadOnly(error) ? 2 : false),
    disconnectTimeout: DISCONNECT_MS_MAX,
  }
  if (kind !== 'cluster') {
    const ways = { retryStrategy: retryDelayMs, sentinelRetryStrategy: retryDelayMs }
    const make = (own?: RedisOptions): Redis => {
      const made = new Redis({ ...each, ...ways, sentinelCommandTimeout: COMMAND_MS_MAX, ...own })
      needDatabase(made)
      return made
    }
    const redis = make()
    followMaster(redis, options)
    // BullMQ waits for jobs over a connection of its own, which it ends and makes again.
    redis.duplicate = (own) => {
      const waiting = make(own)
      followMaster(waiting, options, redis)
      return waiting
    }
    return redis
  }
  return new Cluster(hosts, {
    ...{ redisOptions: each, lazyConnect: true, enableReadyCheck: false, clusterRetryStrategy: retryDelayMs },
    // At an error BullMQ rests for 5 s.
    maxRedirections: Number.POSITIVE_INFINITY,
    // What waits at a node that hangs is sent elsewhere when that is known to have no slot.
    ...{ slotsRefreshInterval: PATIENT_SLOTS_EVERY_MS, slotsRefreshTimeout: SLOTS_MS_MAX },
  })
}
