import type { Redis } from 'ioredis'
import { connectRedis } from '../../lib/store/connect.ts'
import { startSentinels, type TestSentinels } from '../support/sentinel.ts'
import type { Moments, Scene, Stage, Staged } from './fault.ts'
import { LOAD, startLoad } from './load.ts'
import { startTracker } from './tracker.ts'

/** A tracker on a master with two replicas, and three Sentinels that watch them. */
export type SentinelScene = Scene & { set: TestSentinels; redis: Redis }

/** As docs/operations.md has it. */
const DOWN_AFTER_MS = 2000
const PEER_LIFETIME_S = 3900

/** Opens a scene of Sentinels, and says what is done to it. */
export const onSentinels =
  (strike: (scene: SentinelScene) => Promise<Moments>) =>
  async (stage: Stage): Promise<Staged> => {
    const scene = await openSentinels(stage)
    return { scene, strike: () => strike(scene) }
  }

async function openSentinels({ folder, seed }: Stage): Promise<SentinelScene> {
  const set = await startSentinels({ downAfterMs: DOWN_AFTER_MS })
  const tracker = await startTracker({ folder, redisUrl: set.url })
  const redis = (await connectRedis(set.url)) as Redis
  const load = startLoad(tracker.places, { seed, ...LOAD })
  return {
    ...{ set, load, redis, parts: tracker.parts, peerLifetimeS: PEER_LIFETIME_S, problems: [] },
    async usedBytes() {
      return Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1])
    },
    async stop() {
      await load.stop()
      redis.disconnect()
      await tracker.stop()
      await set.stop()
    },
  }
}
