import { expect, it } from 'vitest'
import { useRedis } from '../support/redis.ts'
import { announceOf, at, hashOf, storeOn } from '../support/store.ts'

const server = useRedis()
/** As many as go out in one call. */
const PER_CALL = 64
const crowd = (peers: number) =>
  Array.from({ length: peers }, (_, i) => announceOf({ endpoint: at('192.0.2.1', 1000 + i) }))

it('refuses only the calls that Redis answers with an error: what waits behind them is tried', async () => {
  const { redis } = server()
  const store = storeOn(redis)
  await store.announce([announceOf({ infoHash: hashOf('b') })])
  // In the order of the connection: no memory, two calls, memory again; the third call goes out once one has failed.
  const full = redis.config('SET', 'maxmemory', '1')
  const replies = store.announce(crowd(3 * PER_CALL))
  const free = redis.config('SET', 'maxmemory', '0')
  await Promise.all([full, free])
  const served = (await replies).map(({ ok }) => ok)
  expect(served.slice(0, 2 * PER_CALL)).not.toContain(true)
  expect(served.slice(2 * PER_CALL)).not.toContain(false)
  expect(store.counters.store_away).toBe(2 * PER_CALL)
})

it.each([0, 12, 23, 25])(
  'calls a swarm damaged whose head has %i bytes, and answers no counts of it',
  async (bytes) => {
    const { redis } = server()
    const [a, b] = [hashOf('a'), hashOf('b')]
    const store = storeOn(redis)
    await store.announce([announceOf({ infoHash: a }), announceOf({ infoHash: b })])
    await redis.hset(`swarm:{a00}:${a.toString('hex')}`, 'head', Buffer.alloc(bytes, 1))
    expect(await store.scrape([a, b])).toEqual(['damaged', { seeders: 0, leechers: 1, completed: 0 }])
    expect(await store.announce([announceOf({ infoHash: a })])).toEqual([{ ok: false, refusal: 'damaged' }])
  },
)
