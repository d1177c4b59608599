import { createHash, randomBytes } from 'node:crypto'
import { OperatorError } from '../errors.ts'
import type { RedisClient } from './client.ts'
import type { Keys } from './keys.ts'

const SECRET_BYTES = 32
/** What the key of a secret holds. */
export const SECRET = new RegExp(`^[0-9a-f]{${2 * SECRET_BYTES}}$`)

/**
 * The secret that connection ids are made with: the one from the settings, else the one that all frontends agree on
 * through Redis; the first to start makes it. Throws an OperatorError where Redis has none: with an empty one, anybody
 * could make connection ids.
 */
export async function agreeOnSecret(redis: RedisClient, keys: Keys, configured: string | undefined): Promise<Buffer> {
  if (configured !== undefined) return createHash('sha256').update(configured).digest()
  // Asked first: a Redis that is full takes no write.
  if ((await redis.exists(keys.secret)) === 0)
    await redis.set(keys.secret, randomBytes(SECRET_BYTES).toString('hex'), 'NX')
  const kept = await redis.get(keys.secret).catch((error: Error) => {
    if (!error.message.startsWith('WRONGTYPE')) throw error
  })
  if (SECRET.test(kept ?? '')) return Buffer.from(kept ?? '', 'hex')
  throw new OperatorError(
    `the Redis key ${keys.secret} does not hold ${SECRET_BYTES} bytes of hex\n` +
      '  delete it (another is made at the next start), or set REDSWARM_SECRET',
  )
}
