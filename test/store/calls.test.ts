import { createHash } from 'node:crypto'
import type { Redis } from 'ioredis'
import { expect, it } from 'vitest'
import type { StoredAnnounce } from '../../lib/swarm/store.ts'
import { EVENT } from '../../lib/wire/announce.ts'
import { type InfoHash, infoHashFromHex } from '../../lib/wire/info-hash.ts'
import { useRedis } from '../support/redis.ts'
import { announceOf, at, hashOf, storeOn } from '../support/store.ts'

const server = useRedis()

/** Spread as info hashes are: those of other tests are mostly zeros, and share one place in what a frontend remembers. */
const spread = (name: string) => infoHashFromHex(createHash('sha1').update(name).digest('hex')) as InfoHash

/** Peers of a swarm, IPv4 and IPv6, seeders and leechers, every third with a passkey. */
const peersOf = (name: string, count: number): StoredAnnounce[] =>
  Array.from({ length: count }, (_, i) =>
    announceOf({
      infoHash: spread(name),
      endpoint: at(i % 2 === 0 ? '192.0.2.1' : '2001:db8::1', 1000 + i),
      isSeeder: i % 4 > 1,
      passkey: i % 3 === 0 ? 'key' : '',
      numwant: 5,
    }),
  )

/** How many calls of each command Redis counted, without the clock and the script itself. */
async function callsOf(redis: Redis, run: () => Promise<unknown>): Promise<Record<string, number>> {
  await redis.config('RESETSTAT')
  await run()
  const lines = (await redis.info('commandstats')).matchAll(/^cmdstat_(\w+):calls=(\d+)/gm)
  return Object.fromEntries(
    [...lines]
      .map(([, name = '', calls]) => [name, Number(calls)])
      .filter(([name]) => !/^(fcall|time|config)/.test(`${name}`)),
  )
}

it('an announce of a known peer takes two calls, in small swarms and large ones that the frontend has seen', async () => {
  const { redis } = server()
  // No details: with them, a passkey costs two calls more.
  const store = storeOn(redis, { peerDetails: false })
  const [large, small, another] = [peersOf('a', 600), peersOf('b', 3), peersOf('c', 400)]
  const all = [...large, ...small, ...another]
  for (let i = 0; i < all.length; i += 64) await store.announce(all.slice(i, i + 64))
  // One of each, in an order in which a reply taken for another's would be remembered for the wrong swarm.
  const mixed = Array.from({ length: 20 }, (_, i) =>
    [large, small, another].map((peers) => peers[i % peers.length]),
  ).flat()
  await store.announce(mixed as StoredAnnounce[])
  const known = await callsOf(redis, () => store.announce(mixed as StoredAnnounce[]))
  expect(known).toEqual({ hmget: 60, hset: 60 })
  // A frontend that has seen nothing asks for more, once.
  const fresh = storeOn(redis, { peerDetails: false })
  const first = await callsOf(redis, () => fresh.announce(mixed as StoredAnnounce[]))
  expect(first).toMatchObject({ hmget: 60, hset: 60 })
  expect(first.hget).toBeGreaterThan(0)
  expect(await callsOf(redis, () => fresh.announce(mixed as StoredAnnounce[]))).toEqual(known)
  // Those who ask for no peers, too; and of one that stops nobody looks for peers.
  const wantsNone = mixed.map((announce) => ({ ...(announce as StoredAnnounce), numwant: 0 }))
  expect(await callsOf(redis, () => store.announce(wantsNone))).toEqual(known)
  const stop = { ...(large[0] as StoredAnnounce), event: EVENT.stopped }
  expect(await callsOf(redis, () => store.announce([stop]))).toEqual({
    hmget: 1,
    hget: 1,
    hincrby: 1,
    hdel: 1,
    hset: 1,
  })
})

it('a frontend that has seen nothing of a large swarm begins at any of its chunks', async () => {
  const { redis } = server()
  await storeOn(redis).announce(
    Array.from({ length: 500 }, (_, i) => announceOf({ endpoint: at('192.0.2.1', 1000 + i), isSeeder: i % 2 === 0 })),
  )
  const told = async (isSeeder: boolean) => {
    const first = new Set<string>()
    for (let i = 0; i < 24; i++) {
      const [reply] = await storeOn(redis).announce([
        announceOf({ endpoint: at('192.0.2.1', 1001), isSeeder, numwant: 2 }),
      ])
      if (reply?.ok) first.add(reply.peers.toString('hex', 0, 6))
    }
    return first.size
  }
  expect(await told(false)).toBeGreaterThan(2)
  expect(await told(true)).toBeGreaterThan(2)
})

it('swarms choose chunks by salts of their own', async () => {
  const { redis } = server()
  const digits = ['a', 'b', 'c', 'd']
  await storeOn(redis).announce(digits.map((each) => announceOf({ infoHash: hashOf(each) })))
  const salts = await Promise.all(
    digits.map(async (each) =>
      (await redis.hgetBuffer(`swarm:{${each}00}:${hashOf(each).toString('hex')}`, 'head'))?.toString('hex', 20),
    ),
  )
  expect(new Set(salts).size).toBe(digits.length)
})
