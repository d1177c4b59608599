import { expect, it } from 'vitest'
import { makeKeys } from '../../lib/store/keys.ts'
import { makePeerPages } from '../../lib/store/peer-pages.ts'
import type { InfoHash } from '../../lib/wire/info-hash.ts'
import { useRedis } from '../support/redis.ts'
import { announceOf, at, hashOf, storeOn } from '../support/store.ts'

const server = useRedis()
const keys = makeKeys('')
/** Swarms: in most of them, the one comes between what the other reads. */
const SWARMS = 50

const announcesOf = (infoHash: InfoHash, from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) =>
    announceOf({ infoHash, endpoint: at('192.0.2.1', 1000 + from + i), numwant: 0 }),
  )

it.each([
  ['out of its own hash', 10],
  ['by another chunk', 56],
])('a page has all peers of a swarm that grows %s while it is read', async (_, peersBefore) => {
  const { redis } = server()
  const other = redis.duplicate()
  try {
    const store = storeOn(redis)
    const growing = storeOn(other)
    const pages = makePeerPages({ redis, keys })
    for (let i = 0; i < SWARMS; i++) {
      const infoHash = hashOf(i.toString(16).padStart(4, '0'))
      await store.announce(announcesOf(infoHash, 0, peersBefore))
      const [page] = await Promise.all([
        pages(infoHash, { limit: 100 }),
        growing.announce(announcesOf(infoHash, peersBefore, peersBefore + 1)),
      ])
      const found = new Set(page?.peers.map(({ endpoint }) => endpoint.toString('hex')))
      expect(found.size).toBe(page?.peers.length)
      expect(found.size).toBeGreaterThanOrEqual(peersBefore)
    }
  } finally {
    other.disconnect()
  }
})
