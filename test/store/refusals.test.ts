import { setImmediate } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { makeMeasures } from '../../lib/observe/measures.ts'
import { WAITING_MAX } from '../../lib/store/redis.ts'
import { useRedis } from '../support/redis.ts'
import { announceOf, at, hashOf, storeOn } from '../support/store.ts'

const server = useRedis()
/** As many as go out in one call. */
const PER_CALL = 64
const CALLS = 100
const crowd = (peers: number) =>
  Array.from({ length: peers }, (_, i) => announceOf({ endpoint: at('192.0.2.1', 1000 + i) }))

it('refuses only the calls that Redis answers with an error: what waits behind them is tried', async () => {
  const { redis } = server()
  const store = storeOn(redis)
  await store.announce([announceOf({ infoHash: hashOf('b') })])
  await redis.config('SET', 'maxmemory', '1')
  const replies = store.announce(crowd(CALLS * PER_CALL))
  while (store.counters.store_out_of_memory === 0) await setImmediate()
  await redis.config('SET', 'maxmemory', '0')
  const served = (await replies).map(({ ok }) => ok)
  const refused = served.indexOf(true)
  expect(served.slice(refused)).not.toContain(false)
  expect([refused % PER_CALL, served.slice(0, refused).includes(true)]).toEqual([0, false])
  expect(store.counters.store_out_of_memory).toBe(refused)
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

it('refuses what is more than may wait, and measures what of that are announces', async () => {
  const measures = makeMeasures()
  const store = storeOn(server().redis, { measures })
  await store.ready
  const scrape = (count: number) => store.scrape(Array.from({ length: count }, () => hashOf('a')))
  const [, announced, , scraped] = await Promise.all([
    ...[store.announce(crowd(WAITING_MAX)), store.announce(crowd(2))],
    ...[scrape(WAITING_MAX), scrape(3)],
  ])
  expect([announced, scraped]).toEqual([
    Array.from({ length: 2 }, () => ({ ok: false, refusal: 'busy' })),
    Array.from({ length: 3 }, () => 'busy'),
  ])
  expect([measures.announcesBusy, store.counters.store_busy]).toEqual([2, 5])
})
