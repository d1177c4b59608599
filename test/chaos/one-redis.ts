import { connectRedis } from '../../lib/store/connect.ts'
import type { Moments, Scene, Stage, Staged } from './fault.ts'
import { LOAD, type LoadOptions, startLoad } from './load.ts'
import { type RedisServer, startRedisServer } from './redis-server.ts'
import { startTracker, type Tracker, type TrackerOptions } from './tracker.ts'

/** A tracker on a Redis of its own. */
export type OneRedisScene = Scene & { server: RedisServer; tracker: Tracker; seed: number }

/** How a scene of one Redis differs from the usual one. */
export type OneRedisOptions = {
  /** Where Redis keeps its files, instead of a folder on the disk. */
  redisFolder?: string
  /** What is done to Redis, by its URL, before the tracker starts. */
  prepare?: (url: string) => Promise<void>
  tracker?: Partial<TrackerOptions> | ((server: RedisServer) => Partial<TrackerOptions>)
  load?: Partial<LoadOptions>
}

const PEER_LIFETIME_S = 3900

/** Opens a scene of one Redis, and says what is done to it. */
export const onOneRedis =
  (strike: (scene: OneRedisScene) => Promise<Moments>, options: OneRedisOptions = {}) =>
  async (stage: Stage): Promise<Staged> => {
    const scene = await openOneRedis(stage, options)
    return { scene, strike: () => strike(scene) }
  }

export async function openOneRedis(
  { folder, seed }: Stage,
  { redisFolder = folder, prepare, tracker: options = {}, load: other = {} }: OneRedisOptions,
): Promise<OneRedisScene> {
  const server = await startRedisServer(redisFolder)
  const more = typeof options === 'function' ? options(server) : options
  const url = `redis://127.0.0.1:${server.port}`
  await prepare?.(url)
  const tracker = await startTracker({ folder, redisUrl: url, ...more })
  const load = startLoad(tracker.places, { seed, ...LOAD, ...other })
  const redis = await connectRedis(url)
  return {
    ...{ server, tracker, seed, load, redis, parts: tracker.parts, usedBytes: server.usedBytes },
    peerLifetimeS: Number(more.settings?.REDSWARM_PEER_LIFETIME_S ?? PEER_LIFETIME_S),
    problems: [],
    async stop() {
      await load.stop()
      redis.disconnect()
      await tracker.stop()
      await server.stop()
    },
  }
}
