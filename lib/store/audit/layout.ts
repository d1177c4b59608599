import { checkSchema } from '../check-server.ts'
import type { RedisClient } from '../client.ts'
import type { Keys } from '../keys.ts'

/**
 * Throws an OperatorError where another version of the layout wrote the keys. A claim of another type is a fault like
 * others, for the audit to tell.
 */
export async function checkLayout(redis: RedisClient, keys: Keys): Promise<void> {
  if ((await redis.type(keys.schema)) === 'string') await checkSchema(redis, keys.schema)
}
