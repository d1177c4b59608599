import { createHash, randomBytes } from 'node:crypto'
import type { Redis } from 'ioredis'
import type { Keys } from './keys.ts'

const SECRET_BYTES = 32

/**
 * The secret that connection ids are made with: the one from the settings, else the one that all frontends agree on
 * through Redis; the first to start makes it.
 */
export async function agreeOnSecret(redis: Redis, keys: Keys, configured: string | undefined): Promise<Buffer> {
  if (configured !== undefined) return createHash('sha256').update(configured).digest()
  await redis.set(keys.secret, randomBytes(SECRET_BYTES).toString('hex'), 'NX')
  return Buffer.from((await redis.get(keys.secret)) ?? '', 'hex')
}
