import calculateSlot from 'cluster-key-slot'
import { Cluster, type Redis } from 'ioredis'
import { endConnection, type RedisClient } from './client.ts'
import { connectionProblemOf } from './connection-problem.ts'

const SLOTS = 16_384
/** How often a Cluster is asked where its slots are, though no node has said that one has moved. */
const SLOTS_EVERY_MS = 5000

/** The masters that swarms are on: one, or those of a Cluster. */
export type Nodes = {
  /** The master that a key is on, as far as is known; undefined where no master has its slot. */
  of: (key: string) => Redis | undefined
  /** All, each once. */
  all: () => Redis[]
  /** Asks where the slots are now. Many who ask at once ask once. */
  refresh: () => Promise<void>
  /** Has a listener told each time that a Cluster has said where its slots are. */
  onRefresh: (listener: () => void) => void
}

/** Whether a connection is to a Cluster. */
export const isCluster = (redis: RedisClient): redis is Cluster => redis instanceof Cluster

/** The name of a master of a Cluster, as the Cluster tells it: `host:port`. */
export const nodeName = ({ options }: Redis): string => `${options.host}:${options.port}`

const known = new WeakMap<RedisClient, Nodes>()

/** The masters behind a connection: the same however often they are asked for. */
export function nodesOf(redis: RedisClient): Nodes {
  const nodes = known.get(redis) ?? (isCluster(redis) ? clusterNodes(redis) : singleNode(redis))
  known.set(redis, nodes)
  return nodes
}

const singleNode = (redis: Redis): Nodes => ({
  of: () => redis,
  all: () => [redis],
  refresh: async () => {},
  onRefresh: () => {},
})

/**
 * The masters of a Cluster, each with a connection of its own. Those of ioredis follow ASK: while a slot moves, a script
 * would then find some of a shard's keys where it runs, and others not yet, or no longer.
 */
function clusterNodes(cluster: Cluster): Nodes {
  const masters = new Map<string, Redis>()
  /** Former masters, each for as long as a command may take: what it was asked is answered or late then. */
  const leaving = new Map<Redis, NodeJS.Timeout>()
  const listeners: (() => void)[] = []
  let connecting: Promise<unknown> = Promise.resolve()

  /** The name of a master by its slot: as ioredis has it, `host:port`. */
  const masterOf = (slot: number): string | undefined => cluster.slots[slot]?.[0]

  const connect = (name: string): void => {
    const pooled = cluster.nodes('master').find((node) => nodeName(node) === name)
    if (!pooled) return
    // It fails at once where it is not connected: as ioredis has it, the Cluster's own connections wait.
    const redis = pooled.duplicate({ enableOfflineQueue: false, lazyConnect: true })
    // It listens to errors from now on: why the first try failed is known to who asks later.
    connectionProblemOf(redis)
    masters.set(name, redis)
    connecting = Promise.allSettled([connecting, redis.connect()]).then(() => {})
  }

  /**
   * One that gives its place away holds what it was asked until it has: it refuses that then, and the new one can be asked. What one
   * that hangs was asked waits as long as if it were no former master.
   */
  const leave = (redis: Redis): void => {
    const end = () => {
      leaving.delete(redis)
      endConnection(redis)
    }
    if (redis.status === 'ready') leaving.set(redis, setTimeout(end, redis.options.commandTimeout).unref())
    else end()
  }

  const update = (): void => {
    const names = new Set<string>()
    for (let slot = 0; slot < SLOTS; slot++) {
      const name = masterOf(slot)
      if (name !== undefined) names.add(name)
    }
    for (const [name, redis] of masters) {
      if (names.has(name) && redis.status !== 'end') continue
      masters.delete(name)
      leave(redis)
    }
    for (const name of names) if (!masters.has(name)) connect(name)
    for (const listener of listeners) listener()
  }
  cluster.on('refresh', update)
  // That of ioredis goes on for ever where the Cluster is left while it asks.
  const timer = setInterval(() => cluster.refreshSlotsCache(() => {}), SLOTS_EVERY_MS)
  cluster.once('end', () => {
    clearInterval(timer)
    for (const timeout of leaving.values()) clearTimeout(timeout)
    for (const redis of [...masters.values(), ...leaving.keys()]) endConnection(redis)
  })
  update()

  return {
    of(key) {
      const name = masterOf(calculateSlot(key))
      return name === undefined ? undefined : masters.get(name)
    },
    all: () => [...masters.values()],
    async refresh() {
      await new Promise<void>((resolve) => cluster.refreshSlotsCache(() => resolve()))
      await connecting
    },
    onRefresh: (listener) => void listeners.push(listener),
  }
}
