import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster, Redis } from 'ioredis'
import type { Refusal, StoredAnnounce, StoredReply } from '../swarm/store.ts'
import type { Counts } from '../wire/counts.ts'
import type { InfoHash } from '../wire/info-hash.ts'
import { SHARDS, shardNames } from './keys.ts'
import { MOVED_SCRAPE, MovedAnnounce, makeNodeStore, type NodeContext, type NodeStore } from './node-store.ts'
import { nodesOf } from './nodes.ts'
import type { RedisStore } from './redis.ts'

/** How long an announce, or a scrape, may wait for its shard to be whole on one node: longer than most slots are on the move. */
const MOVING_MS_MAX = 1000
/** How long those wait before they are sent again. */
const MOVING_WAIT_MS = 20
/** How often a Cluster is asked where its slots are while one of its masters does not serve. */
const LOOK_EVERY_MS = 100
/** Announces, or info hashes to scrape, that may wait for a master, however many there are. */
const WAITING_MIN = 1024
/** Announces and scrapes that wait for that at most; those beyond are refused. */
export const MOVING_MAX = 8192

/** Shard of an info hash: its first three hex digits. */
const shardOf = (infoHash: InfoHash): number => ((infoHash[0] as number) << 4) | ((infoHash[1] as number) >> 4)

/**
 * The swarms of a Cluster. What comes together goes to each master in one call for all of its shards: a batch for each slot
 * would be a batch of one. What finds its slot on the move, of which the master does nothing, is sent again by the map of then.
 */
export function makeClusterStore(cluster: Cluster, context: NodeContext): RedisStore {
  const nodes = nodesOf(cluster)
  const shards = shardNames().map(context.keys.torrents)
  const stores = new Map<Redis, NodeStore>()
  const byShard = new Array<NodeStore | undefined>(SHARDS)
  let moving = 0

  let isLooking = false
  /** Asks where the slots are now, and not again for a while. */
  const look = async (): Promise<void> => {
    if (isLooking) return
    isLooking = true
    await nodes.refresh()
    await sleep(LOOK_EVERY_MS, undefined, { ref: false })
    isLooking = false
  }
  const away = (error: unknown): Refusal => {
    void look()
    return context.away(error)
  }

  const update = (): void => {
    const masters = new Set(nodes.all())
    // All masters together hold up no more than one Redis would.
    const waitingMax = Math.max(WAITING_MIN, Math.floor(context.waitingMax / masters.size))
    for (const redis of stores.keys()) if (!masters.has(redis)) stores.delete(redis)
    for (const redis of masters)
      if (!stores.has(redis)) stores.set(redis, makeNodeStore(redis, { ...context, waitingMax, away }))
    for (const [shard, key] of shards.entries()) {
      const redis = nodes.of(key)
      byShard[shard] = redis && stores.get(redis)
    }
  }
  nodes.onRefresh(update)
  update()

  let settling: Promise<void> | undefined
  /** Waits a little, and asks where the slots are then: once for all who wait. */
  const settle = (): Promise<void> => {
    settling ??= sleep(MOVING_WAIT_MS)
      .then(nodes.refresh)
      .finally(() => {
        settling = undefined
      })
    return settling
  }

  /** Sends items to the masters that have them; `places` are where among the replies theirs are. */
  async function send<Item, Reply>(
    items: readonly Item[],
    shardsOf: readonly number[],
    places: readonly number[],
    replies: Reply[],
    { add, nowhere }: { add: (store: NodeStore, items: Item[]) => Promise<Reply[]>; nowhere: () => Reply },
  ): Promise<void> {
    const byStore = Map.groupBy(places, (i) => byShard[shardsOf[i] as number])
    const sendOne = async (store: NodeStore | undefined, own: readonly number[]): Promise<void> => {
      const some = store
        ? await add(
            store,
            own.map((i) => items[i] as Item),
          )
        : own.map(nowhere)
      for (const [k, i] of own.entries()) replies[i] = some[k] as Reply
    }
    await Promise.all([...byStore].map(([store, own]) => sendOne(store, own)))
  }

  /** The same, again for what was moved meanwhile, until it is not or `MOVING_MS_MAX` have passed. */
  async function sendUntilSettled<Item, Reply>(
    items: readonly Item[],
    shardsOf: readonly number[],
    ways: { add: (store: NodeStore, items: Item[]) => Promise<Reply[]>; nowhere: () => Reply },
    movedOf: (reply: Reply, item: Item) => Item | undefined,
  ): Promise<Reply[]> {
    const replies = new Array<Reply>(items.length)
    await send(
      items,
      shardsOf,
      items.map((_, i) => i),
      replies,
      ways,
    )
    const again = [...items]
    const takeMoved = (): number[] => {
      const moved: number[] = []
      for (const [i, reply] of replies.entries()) {
        const item = movedOf(reply, again[i] as Item)
        if (item === undefined) continue
        again[i] = item
        moved.push(i)
      }
      return moved
    }
    let moved = takeMoved()
    if (moved.length === 0) return replies
    const untilMs = performance.now() + MOVING_MS_MAX
    while (moved.length > 0 && performance.now() < untilMs && moving + moved.length <= MOVING_MAX) {
      const count = moved.length
      moving += count
      await settle().finally(() => {
        moving -= count
      })
      await send(again, shardsOf, moved, replies, ways)
      moved = takeMoved()
    }
    for (const i of moved) replies[i] = ways.nowhere()
    return replies
  }

  const movedAway = (): Refusal => away(new Error('the slot of a swarm is on the move, or no master has it'))

  return {
    placeOf: (infoHash) => byShard[shardOf(infoHash)],
    async announce(announces) {
      const replies = await sendUntilSettled<StoredAnnounce | MovedAnnounce, StoredReply | MovedAnnounce>(
        announces,
        announces.map(({ infoHash }) => shardOf(infoHash)),
        {
          add: (store, items) => store.announces.add(items),
          nowhere: () => ({ ok: false, refusal: movedAway() }),
        },
        (reply) => (reply instanceof MovedAnnounce ? reply : undefined),
      )
      return replies as StoredReply[]
    },
    async scrape(infoHashes) {
      // What info hashes point to may be written anew before they are sent again.
      const own = infoHashes.map((infoHash) => Buffer.from(infoHash) as InfoHash)
      const replies = await sendUntilSettled<InfoHash, Counts | Refusal | typeof MOVED_SCRAPE>(
        own,
        own.map(shardOf),
        { add: (store, items) => store.scrapes.add(items), nowhere: movedAway },
        (reply, infoHash) => (reply === MOVED_SCRAPE ? infoHash : undefined),
      )
      return replies as (Counts | Refusal)[]
    },
    waiting: () => {
      let [announces, scrapes] = [moving, 0]
      for (const store of stores.values()) {
        announces += store.announces.size()
        scrapes += store.scrapes.size()
      }
      return { announces, scrapes }
    },
    ready: Promise.all([...stores.values()].map(({ ready }) => ready)).then(() => {}),
  }
}
