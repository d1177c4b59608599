import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { isRedisReply, messageOf, OperatorError } from '../errors.ts'
import type { Logger } from '../observe/log.ts'
import type { StoreCause } from '../swarm/store.ts'
import { atMasterOf } from './at-masters.ts'
import { awayCause } from './away-cause.ts'
import type { RedisClient } from './client.ts'
import { connectionProblemOf } from './connection-problem.ts'
import { type Keys, shardNames } from './keys.ts'
import { isCluster, nodeName, nodesOf } from './nodes.ts'

/** A master of a Cluster that does not serve: where it is, and why it does not. */
export type AwayMaster = { address: string; cause: StoreCause; reason: string }

/** The masters of a Cluster that did not serve when they were asked. */
export type AwayMasters = {
  all: readonly AwayMaster[]
  /** What the first said, where none serves. */
  failure: Error | undefined
  /** The one that a key is on; undefined where its master serves. */
  of: (key: string) => AwayMaster | undefined
}

/** What was read, or that its master is away. */
export type Part<T> = T | 'away'

/** What is made of a part that was read; null where it could not be. */
export const orNull = <T, U>(part: Part<T>, of: (value: T) => U): U | null => (part === 'away' ? null : of(part))

const NONE: AwayMasters = { all: [], failure: undefined, of: () => undefined }

/** Where slots have no master at all. */
const NOBODY: AwayMaster = {
  address: 'unknown',
  cause: 'failing_over',
  reason: 'no master of the Cluster has some of the slots',
}

/**
 * Asks each master of a Cluster for a key of its own: what is on those that are away need not be waited for then. One that
 * hangs takes 2 s once. Of one Redis alone none is away: what it is asked for fails.
 */
export async function findAway(redis: RedisClient, keys: Keys): Promise<AwayMasters> {
  if (!isCluster(redis)) return NONE
  const nodes = nodesOf(redis)
  const ownKeys = Map.groupBy(shardNames().map(keys.totals), nodes.of)
  const found = new Map<Redis | undefined, AwayMaster>(ownKeys.has(undefined) ? [[undefined, NOBODY]] : [])
  const told = await Promise.all(
    nodes.all().map(async (node) => [node, await problemOf(node, ownKeys.get(node)?.[0])] as const),
  )
  const canFailOver = told.some(([, problem]) => problem === undefined)
  for (const [node, problem] of told) {
    const cause = problem && awayCause(problem, canFailOver)
    if (cause) found.set(node, { address: nodeName(node), cause, reason: messageOf(problem) })
  }
  const failure = canFailOver ? undefined : (told[0]?.[1] ?? new Error('no master of the Cluster is known'))
  return { all: [...found.values()], failure, of: (key) => found.get(nodes.of(key)) }
}

/** The same, for who reads what the others have: fails where there is no other. */
export async function findAwayOfSome(redis: RedisClient, keys: Keys): Promise<AwayMasters> {
  const away = await findAway(redis, keys)
  if (away.failure) throw away.failure
  return away
}

/** What keeps a master from serving a key of its own; undefined where it does. */
async function problemOf(node: Redis, key = ''): Promise<Error | undefined> {
  const problem = connectionProblemOf(node)
  if (node.status !== 'ready') return problem()
  try {
    await node.hget(key, 'torrents')
  } catch (error) {
    // One that tells of another serves, and so does one whose key is damaged.
    const isThere = isRedisReply(error) && (/^(?:MOVED|ASK)\b/.test(error.message) || !awayCause(error, true))
    // Of a connection that is lost while it waits, its own problem says more.
    if (!isThere) return isRedisReply(error) || node.status === 'ready' ? (error as Error) : problem()
  }
  return undefined
}

/** That a master is away, and why. */
export const awayText = ({ address, cause, reason }: AwayMaster): string =>
  `${address} does not serve (${cause}): ${reason}`

/** Reads what is on the master of a key, at that master, unless it is away. */
export const readPart = async <T>(
  redis: RedisClient,
  away: AwayMasters,
  key: string,
  read: (node: Redis) => Promise<T>,
): Promise<Part<T>> => (away.of(key) ? 'away' : atMasterOf(redis, key, read))

/** The addresses of the masters that are away, for people. */
export const addressesOf = ({ all }: AwayMasters): string => all.map(({ address }) => address).join(', ')

/** How often a master that is waited for is asked. */
const ASKED_EVERY_MS = 200

/**
 * Waits until the masters of some keys serve, and says so in the log; throws an OperatorError where they do not within
 * that time.
 */
export async function untilThere(
  redis: RedisClient,
  keys: Keys,
  needed: readonly string[],
  { msMax, log }: { msMax: number; log: Logger },
): Promise<void> {
  let told = ''
  for (const untilMs = performance.now() + msMax; ; ) {
    const away = await findAway(redis, keys)
    const [key] = needed.filter((each) => away.of(each))
    const master = key && away.of(key)
    if (!master) {
      if (told !== '') log.info({ redis: told }, 'it serves again')
      return
    }
    const { address, cause, reason } = master
    if (performance.now() > untilMs) {
      throw new OperatorError(
        `the master ${address} of the Cluster, which has the key ${key}, has not served for ${msMax / 1000} s (${cause}): ${reason}\n` +
          '  start it, or have a replica take its place; `redswarm doctor` tells how the Cluster is',
      )
    }
    if (told !== address)
      log.warn(
        { redis: address, key, cause, reason },
        'a key that a start needs is away; waiting until its master serves',
      )
    told = address
    await sleep(ASKED_EVERY_MS)
    await nodesOf(redis).refresh()
  }
}
