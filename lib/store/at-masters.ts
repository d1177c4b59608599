import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { isRedisReply } from '../errors.ts'
import type { RedisClient } from './client.ts'
import { nodesOf } from './nodes.ts'

/** How long what is not urgent waits for a slot that moves, or that no master has: a failover may be under way. */
const WAITS_MS_MAX = 5000
/** How long it waits before it asks again where the slots are. */
const WAIT_MS = 50

/** In the place of a reply: its slot was another master's, or on the move, and nothing was done. */
export const MOVED = Symbol('moved')

/** Whether Redis answered that a slot is another master's, on the move, or has none: nothing was done. */
export const isMovedReply = (error: unknown): boolean =>
  isRedisReply(error) && /^(?:MOVED|ASK|TRYAGAIN|CLUSTERDOWN|READONLY)\b/.test(error.message)

/**
 * Whether a command in a script failed since its slot is another master's, or on the move. The script may have done other
 * things: what writes looks for that first (`lua/include/shard_place.lua`).
 */
export const isMovedCommand = (error: unknown): boolean =>
  error instanceof Error && error.message.includes('non local key')

/** Whether a command in a script failed since the Cluster is not whole, and the node serves nothing. */
export const isDownCommand = (error: unknown): boolean =>
  error instanceof Error && error.message.includes('while the cluster is down')

/** Does something at the master of a key; again, for a while, where the key has moved or is about to. */
export async function atMasterOf<T>(redis: RedisClient, key: string, ask: (node: Redis) => Promise<T>): Promise<T> {
  const nodes = nodesOf(redis)
  for (const untilMs = performance.now() + WAITS_MS_MAX; ; ) {
    try {
      const node = nodes.of(key)
      if (!node) throw new Error(`no master of the Cluster has the slot of ${key}`)
      return await ask(node)
    } catch (error) {
      const isOnTheMove = nodes.of(key) === undefined || isMovedReply(error) || isMovedCommand(error)
      if (!isOnTheMove || performance.now() > untilMs) throw error
    }
    await sleep(WAIT_MS)
    await nodes.refresh()
  }
}

/**
 * Asks for many items at once, each master for those whose keys it has; answers in the order of the items. `ask` answers
 * `MOVED` for an item, or fails as a whole, where a slot has moved: those are asked for again, for a while.
 */
export async function atMasters<Item, Reply>(
  redis: RedisClient,
  items: readonly Item[],
  keyOf: (item: Item) => string,
  ask: (node: Redis, items: readonly Item[]) => Promise<readonly (Reply | typeof MOVED)[]>,
): Promise<Reply[]> {
  const nodes = nodesOf(redis)
  const replies = new Array<Reply>(items.length)
  let open = items.map((_, i) => i)
  for (const untilMs = performance.now() + WAITS_MS_MAX; ; ) {
    const byNode = Map.groupBy(open, (i) => nodes.of(keyOf(items[i] as Item)))
    let problem: unknown
    const askOne = async (node: Redis | undefined, places: readonly number[]): Promise<void> => {
      if (!node) return
      const some = await ask(
        node,
        places.map((i) => items[i] as Item),
      ).catch((error: unknown) => {
        if (!isMovedReply(error) && !isMovedCommand(error)) throw error
        problem = error
        return []
      })
      for (const [k, reply] of some.entries()) {
        if (reply === MOVED) continue
        replies[places[k] as number] = reply
        answered.add(places[k] as number)
      }
    }
    const answered = new Set<number>()
    await Promise.all([...byNode].map(([node, places]) => askOne(node, places)))
    open = open.filter((i) => !answered.has(i))
    if (open.length === 0) return replies
    if (performance.now() > untilMs)
      throw problem ?? new Error(`no master of the Cluster has the slot of ${keyOf(items[open[0] as number] as Item)}`)
    await sleep(WAIT_MS)
    await nodes.refresh()
  }
}
