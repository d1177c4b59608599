import { Redis } from 'ioredis'
import type { HostPort, RedisOptions } from '../config/redis-url.ts'
import { messageOf } from '../errors.ts'

/** How long a Sentinel may take to answer. */
const ANSWER_MS_MAX = 2000

/** The other end of a connection may be gone without a word: the system asks it after so long. */
const KEEP_ALIVE_MS = 10_000

/** What a Sentinel says of its master, or why it cannot be asked. */
export type SentinelFacts = {
  address: string
  problem?: string
  /** `host:port`. */
  master: string
  replicas: number
  /** Other Sentinels that it knows. */
  others: number
  /** Why no failover would come about; undefined where one would. */
  quorum: string | undefined
}

/** Asks each Sentinel that a URL names. */
export const readSentinels = ({ sentinels = [], ...options }: RedisOptions): Promise<SentinelFacts[]> =>
  Promise.all(sentinels.map((sentinel) => readSentinel(sentinel, options)))

async function readSentinel({ host, port }: HostPort, options: RedisOptions): Promise<SentinelFacts> {
  const name = options.name ?? ''
  const redis = connectSentinel({ host, port }, options, () => null)
  let lost = ''
  redis.on('error', ({ message }) => {
    lost = message
  })
  const nothing = { address: `${host}:${port}`, master: '', replicas: 0, others: 0, quorum: undefined }
  try {
    const pairs = (await redis.call('SENTINEL', 'MASTER', name)) as string[]
    const field = (of: string): string => pairs[pairs.indexOf(of) + 1] ?? ''
    const quorum = await redis.call('SENTINEL', 'CKQUORUM', name).then(
      () => undefined,
      (error: Error) => error.message,
    )
    const counts = { replicas: Number(field('num-slaves')), others: Number(field('num-other-sentinels')) }
    return { ...nothing, master: `${field('ip')}:${field('port')}`, ...counts, quorum }
  } catch (error) {
    return { ...nothing, problem: lost || messageOf(error) }
  } finally {
    redis.disconnect()
  }
}

/** A connection to a Sentinel, with the user, the password and the files of TLS that are for Sentinels. */
export const connectSentinel = (sentinel: HostPort, options: RedisOptions, retryStrategy: () => number | null): Redis =>
  new Redis({
    ...{ ...sentinel, protocol: 2, enableReadyCheck: false, disableClientInfo: true, maxRetriesPerRequest: null },
    ...(options.sentinelUsername && { username: options.sentinelUsername }),
    ...(options.sentinelPassword && { password: options.sentinelPassword }),
    ...(options.sentinelTLS && { tls: options.sentinelTLS }),
    ...{ retryStrategy, connectTimeout: ANSWER_MS_MAX, commandTimeout: ANSWER_MS_MAX, keepAlive: KEEP_ALIVE_MS },
  })
