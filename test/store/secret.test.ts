import { expect, it } from 'vitest'
import { makeKeys } from '../../lib/store/keys.ts'
import { agreeOnSecret } from '../../lib/store/secret.ts'
import { useRedis } from '../support/redis.ts'

const server = useRedis()
const keys = makeKeys('')
const agree = (configured?: string) => agreeOnSecret(server().redis, keys, configured)

it('is one secret of 32 bytes for all frontends of a Redis, however many start at once or later', async () => {
  const [first, ...others] = await Promise.all(Array.from({ length: 10 }, () => agree()))
  expect(first).toHaveLength(32)
  for (const other of [...others, await agree()]) expect(other).toEqual(first)
  await server().redis.del(keys.secret)
  expect(await agree()).not.toEqual(first)
})

it('is what the settings say, where they do: the same everywhere, and nothing in Redis', async () => {
  const secret = await agree('of the settings')
  expect(await agree('of the settings')).toEqual(secret)
  expect(await agree('another')).not.toEqual(secret)
  expect(await server().redis.exists(keys.secret)).toBe(0)
})

it.each(['', 'f'.repeat(63), 'f'.repeat(65), 'F'.repeat(64), 'g'.repeat(64)])(
  'is refused where Redis holds %o: with a bad one anybody could make connection ids',
  async (kept) => {
    await server().redis.set(keys.secret, kept)
    await expect(agree()).rejects.toThrow('does not hold 32 bytes of hex')
  },
)

it('is refused where its key holds no text', async () => {
  await server().redis.hset(keys.secret, 'a', 'b')
  await expect(agree()).rejects.toThrow('does not hold 32 bytes of hex')
})
