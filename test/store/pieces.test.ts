import { expect, it } from 'vitest'
import { EVENT } from '../../lib/wire/announce.ts'
import { readSwarm } from '../support/read-swarm.ts'
import { useRedis } from '../support/redis.ts'
import { announceOf, at, hashOf, storeOn } from '../support/store.ts'

const server = useRedis()

// In a piece these stand as 0a0908 c00002 | 01 0a0b 4d03e8 | c00002010a0b | c633640503e8: the third is also
// where the first meets the second.
const FIRST = at('10.9.8.192', 2)
const SECOND = at('1.10.11.77', 1000)
const THIRD = at('192.0.2.1', 0x0a0b)
const LAST = at('198.51.100.5', 1000)

it.each([
  ['stops', { event: EVENT.stopped }],
  ['has all', { isSeeder: true }],
])('takes the peer that %s out of its piece, not the bytes of two others that look like it', async (_, changes) => {
  const { redis } = server()
  const store = storeOn(redis)
  await store.announce([FIRST, SECOND, THIRD, LAST].map((endpoint) => announceOf({ endpoint })))
  await store.announce([announceOf({ endpoint: THIRD, ...changes })])
  // Fails where pieces and peers do not agree.
  await readSwarm(redis, hashOf('a').toString('hex'))
  const [reply] = await store.announce([announceOf({ endpoint: at('198.51.100.7'), isSeeder: true })])
  expect(reply).toMatchObject({ ok: true, peers: Buffer.concat([FIRST, SECOND, LAST]) })
})
