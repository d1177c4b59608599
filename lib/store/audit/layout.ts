import type { Redis } from 'ioredis'
import { checkSchema } from '../check-server.ts'
import type { Keys } from '../keys.ts'

/**
 * Throws an OperatorError where another version of the layout wrote the keys. Claims none that nobody has claimed: an
 * audit writes nothing unasked, and a Redis that takes no writes can be audited.
 */
export async function checkLayout(redis: Redis, keys: Keys): Promise<void> {
  if ((await redis.type(keys.schema)) !== 'string') return
  const asClaimed = { set: async () => null, get: (key: string) => redis.get(key) }
  await checkSchema(asClaimed as unknown as Redis, keys.schema)
}
