import { connectRedis } from '../../lib/store/connect.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { nodesOf } from '../../lib/store/nodes.ts'
import type { ClusterNode } from '../support/cluster.ts'
import { type ReplicatedCluster, startReplicatedCluster } from '../support/replicas.ts'
import type { Actor } from './actor.ts'
import type { Moments, Scene, Stage, Staged } from './fault.ts'
import { LOAD, startLoad } from './load.ts'
import { startTracker } from './tracker.ts'

/** A tracker on a Cluster of three masters with a replica each. */
export type ClusterScene = Scene & {
  cluster: ReplicatedCluster
  /** The swarms that were on a master when all began. */
  actorsOf: (master: ClusterNode) => Actor[]
}

/** As docs/operations.md has it. */
const NODE_TIMEOUT_MS = 2000
const PEER_LIFETIME_S = 3900

/** Opens a scene of a Cluster, and says what is done to it. */
export const onCluster =
  (strike: (scene: ClusterScene) => Promise<Moments>) =>
  async (stage: Stage): Promise<Staged> => {
    const scene = await openCluster(stage)
    return {
      scene,
      async strike() {
        const moments = await strike(scene)
        // What is looked at next is where it is now.
        await nodesOf(scene.redis).refresh()
        return moments
      },
    }
  }

async function openCluster({ folder, seed }: Stage): Promise<ClusterScene> {
  const cluster = await startReplicatedCluster({ nodeTimeoutMs: NODE_TIMEOUT_MS })
  const tracker = await startTracker({ folder, redisUrl: cluster.url })
  // Before the load, which leaves it less time than it has to connect.
  const redis = await connectRedis(cluster.url)
  const load = startLoad(tracker.places, { seed, ...LOAD })
  const owners = new Map<Actor, ClusterNode>()
  for (const actor of load.actors)
    owners.set(actor, await cluster.nodeOf(makeKeys('').swarm(actor.infoHash.toString('hex'))))
  return {
    ...{ cluster, load, redis, parts: tracker.parts, peerLifetimeS: PEER_LIFETIME_S, problems: [] },
    actorsOf: (master) => load.actors.filter((actor) => owners.get(actor) === master),
    async usedBytes() {
      const infos = await Promise.all(
        nodesOf(redis)
          .all()
          .map((node) => node.info('memory')),
      )
      return infos.reduce((sum, info) => sum + Number(/^used_memory:(\d+)/m.exec(info)?.[1]), 0)
    },
    async stop() {
      await load.stop()
      redis.disconnect()
      await tracker.stop()
      await cluster.stop()
    },
  }
}
