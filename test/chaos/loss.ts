import type { RedisClient } from '../../lib/store/client.ts'
import type { Actor } from './actor.ts'
import { compareStore } from './compare.ts'
import type { Scene } from './fault.ts'

/** What is looked at, where it is not all that is played, in the tracker's own store. */
export type LossOptions = { redis?: RedisClient; actors?: readonly Actor[] }

/**
 * Counts the peers that a store lost which were acknowledged after a moment, and tells the model that it may have. All that was
 * acknowledged before must be there: what is not fails the row. Nothing may change the store meanwhile: the load is paused, or
 * it is refused, as what it is served from is away.
 */
export async function countLoss(
  { load, redis: own, problems }: Pick<Scene, 'load' | 'redis' | 'problems'>,
  sinceMs: number,
  { redis = own, actors = load.actors }: LossOptions = {},
): Promise<number> {
  const all = await compareStore(redis, actors)
  for (const { swarm } of actors) swarm.mayHaveLost(sinceMs, performance.now())
  const outside = await compareStore(redis, actors)
  for (const text of [...outside.lost, ...outside.strangers, ...outside.miscounted])
    problems.push(`lost what was acknowledged before: ${text}`)
  return all.lost.length - outside.lost.length
}
