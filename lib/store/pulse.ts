import type { Redis } from 'ioredis'
import { messageOf } from '../errors.ts'
import type { Logger } from '../observe/log.ts'
import type { StoreCause } from '../swarm/store.ts'
import { awayCause, mayFailOver } from './away-cause.ts'
import type { RedisClient } from './client.ts'
import { connectionProblemOf } from './connection-problem.ts'
import { nodesOf } from './nodes.ts'
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

  const tell = (node: Redis, cause: StoreCause | undefined, error?: unknown): void => {
    if (causes.get(node) === cause) return
    const { host, port, path, name } = node.options
    // The name is the one by which Sentinels know it.
    const server = name ?? path ?? `${host}:${port}`
    if (cause) {
      causes.set(node, cause)
      log.warn({ cause, redis: server, reason: messageOf(error) }, 'Redis does not serve; trying again until it does')
    } else {
      causes.delete(node)
      log.info({ redis: server }, 'Redis serves again')
    }
  }

  const askOne = async (node: Redis): Promise<void> => {
    try {
      await ask(node)
      tell(node, undefined)
    } catch (error) {
      // Of one that was left meanwhile, nothing is to be told.
      if (nodesOf(redis).all().includes(node)) tell(node, awayCause(error, mayFailOver(redis)) ?? 'away', error)
    }
  }
  let isAsking = false
  const beat = async (): Promise<void> => {
    if (isAsking) return
    isAsking = true
    const nodes = nodesOf(redis).all()
    for (const node of causes.keys()) if (!nodes.includes(node)) tell(node, undefined)
    await Promise.all(nodes.map(askOne))
    isAsking = false
    if (causes.size > 0 && redis.status !== 'end') setTimeout(beat, ILL_ASKED_EVERY_MS).unref()
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

/** Asks whether Redis answers. */
const ping: Ask = async (node) => {
  const problem = connectionProblemOf(node)
  if (node.status !== 'ready') throw problem()
  await node.ping()
}

/** Arguments of a call of announces that has none: it is answered, or refused, as one that has some. */
const NO_ANNOUNCES = ['', 1, 0, '', 0, '', '', 0, '']

/** Asks whether Redis takes announces, over the connection that they go. */
export const askForAnnounces: Ask = (node) =>
  runScript(node, loadScript('announce'), [], NO_ANNOUNCES, scriptConnectionOf(node).call)
