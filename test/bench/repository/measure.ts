import type { Redis } from 'ioredis'
import { fieldsOf } from '../../../lib/store/check-server.ts'
import { mainThreadCpuUs } from '../../../lib/store/info.ts'
import type { StoredAnnounce, SwarmStore } from '../../../lib/swarm/store.ts'
import type { InfoHash } from '../../../lib/wire/info-hash.ts'
import type { Clock, Repository } from './repository.ts'

/** What is measured of an operation: microseconds per operation, or bytes. */
export type Metric = 'redisUs' | 'wallUs' | 'nodeUs' | 'bytes'

/** What one round found of one operation. */
export type Figure = { operation: string; values: Partial<Record<Metric, number>> }

/** An implementation on a fresh Redis. */
export type Bench = { redis: Redis; clock: Clock; repository: Repository; filler: Repository }

const CALLERS = 4
const ANNOUNCES_PER_CALLER = 256

/** CPU time so far of Redis's main thread. */
export const redisCpuUs = async (redis: Redis): Promise<number> => mainThreadCpuUs(fieldsOf(await redis.info('cpu')))

/** Bytes that Redis's data takes, buffers of clients and all. */
export const usedBytes = async (redis: Redis): Promise<number> =>
  Number(fieldsOf(await redis.info('memory')).get('used_memory'))

/** Measures so many operations; `count` may also be found by the work itself. */
export async function measure({ redis }: Bench, operation: string, work: () => Promise<number>): Promise<Figure> {
  const [redisUs, node, startMs] = [await redisCpuUs(redis), process.cpuUsage(), performance.now()]
  const count = await work()
  const wallMs = performance.now() - startMs
  const { user, system } = process.cpuUsage(node)
  const spentUs = (await redisCpuUs(redis)) - redisUs
  if (count === 0) throw new Error(`${operation}: nothing was done`)
  const values = { redisUs: spentUs / count, wallUs: (wallMs * 1000) / count, nodeUs: (user + system) / count }
  return { operation, values }
}

/** Announces all, 1,024 under way, and answers how many that were; throws where one is refused. */
export async function announceAll(repository: Repository, announces: readonly StoredAnnounce[]): Promise<number> {
  let at = 0
  const caller = async (): Promise<void> => {
    while (at < announces.length) {
      const some = announces.slice(at, at + ANNOUNCES_PER_CALLER)
      at += some.length
      for (const reply of await repository.announce(some)) if (!reply.ok) throw new Error(`refused: ${reply.refusal}`)
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))
  return announces.length
}

/** Scrapes all at once, and answers how many that were; throws where one is refused. */
export async function scrapeAll(scrape: SwarmStore['scrape'], infoHashes: readonly InfoHash[]): Promise<number> {
  for (const reply of await scrape(infoHashes)) if (typeof reply === 'string') throw new Error(`refused: ${reply}`)
  return infoHashes.length
}
