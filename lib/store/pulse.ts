import type { Redis } from 'ioredis'
import { isRedisReply, messageOf } from '../errors.ts'
import type { Logger } from '../observe/log.ts'
import type { StoreCause } from '../swarm/store.ts'
import { awayCause, mayFailOver } from './away-cause.ts'
import type { RedisClient } from './client.ts'
import { connectionProblemOf, isReason } from './connection-problem.ts'
import { isCluster, nodesOf } from './nodes.ts'
import { scriptConnectionOf } from './script-connection.ts'
import { loadScript, runScript } from './scripts.ts'

/** How often a Redis that does not serve is asked, so that it is known soon that it does. */
const ILL_ASKED_EVERY_MS = 100

/** Whether Redis serves: `beat` asks it, again and again, so that a silent connection is noticed by an idle process. */
export type Pulse = {
  beat: () => Promise<void>
  /** Why it does not; undefined while it does. */
  problem: () => StoreCause | undefined
}

/** How a Redis is asked; rejects where it does not serve. */
type Ask = (node: Redis) => Promise<unknown>

/**
 * The pulse of a connection. Of a Cluster, most masters must serve: where one is away, its swarms wait, and the others go on.
 * The log has a line each time that the cause changes.
 */
export function makePulse(redis: RedisClient, log: Logger, ask: Ask = ping): Pulse {
  const causes = new Map<Redis, StoreCause>()

  const tellProblem = (node: Redis, cause: StoreCause, error: unknown): void => {
    if (causes.get(node) === cause) return
    causes.set(node, cause)
    const details = { cause, redis: serverName(node), reason: messageOf(error) }
    log.warn(details, 'Redis does not serve; trying again until it does')
  }
  const tellEnd = (node: Redis, end: string): void => {
    if (causes.delete(node)) log.info({ redis: serverName(node) }, end)
  }

  const askOne = async (node: Redis): Promise<void> => {
    try {
      await ask(node)
      if (isCluster(redis)) await needServing(node)
      tellEnd(node, 'Redis serves again')
    } catch (error) {
      // Of one that was left meanwhile, nothing is to be told.
      if (nodesOf(redis).all().includes(node)) tellProblem(node, awayCause(error, mayFailOver(redis)) ?? 'away', error)
    }
  }
  let isAsking = false
  let again: NodeJS.Timeout | undefined
  const beat = async (): Promise<void> => {
    if (isAsking) return
    isAsking = true
    // Else each beat from elsewhere would begin a row of its own.
    clearTimeout(again)
    const nodes = nodesOf(redis).all()
    for (const node of causes.keys()) if (!nodes.includes(node)) tellEnd(node, 'another Redis serves what it had')
    await Promise.all(nodes.map(askOne))
    isAsking = false
    if (causes.size > 0 && redis.status !== 'end') again = setTimeout(beat, ILL_ASKED_EVERY_MS).unref()
  }
  // Not the connection's end at a stop.
  redis.on('reconnecting', () => void beat())

  return {
    beat,
    problem() {
      const [first] = causes.values()
      if (first && causes.size >= nodesOf(redis).all().length / 2) return first
      return redis.status === 'ready' ? undefined : 'away'
    },
  }
}

/** Where a Redis is. The master of Sentinels is at an address that only its connection tells, while there is one. */
function serverName({ options: { host, port, path, name }, stream }: Redis): string {
  if (name === undefined || name === null) return path ?? `${host}:${port}`
  return stream?.remoteAddress ? `${name} at ${stream.remoteAddress}:${stream.remotePort}` : name
}

/** Fails where a node of a Cluster refuses all that is asked of keys, since the Cluster is not whole. */
async function needServing(node: Redis): Promise<void> {
  const info = await node.cluster('INFO').catch((error: unknown) => {
    // The operator's user may lack the right to ask; whoever refuses that answers.
    if (!isRedisReply(error)) throw error
  })
  if (String(info).includes('cluster_state:fail')) throw new Error('the Cluster is not whole')
}

/** Asks whether Redis answers. */
const ping: Ask = async (node) => {
  const problem = connectionProblemOf(node)
  if (node.status !== 'ready') throw problem()
  await node.ping().catch((error: Error) => {
    throw isReason(error) ? error : problem()
  })
}

/** Arguments of a call of announces that has none: it is answered, or refused, as one that has some. */
const NO_ANNOUNCES = ['', 1, 0, '', 0, '', '', 0, '']

/** Asks whether Redis takes announces, over the connection that they go. */
export const askForAnnounces: Ask = (node) =>
  runScript(node, loadScript('announce'), [], NO_ANNOUNCES, scriptConnectionOf(node).call)
