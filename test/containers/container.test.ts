import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { hashOf } from '../support/store.ts'
import { type TestTracker, withTracker } from '../support/tracker.ts'
import { UdpClient } from '../support/udp-client.ts'

/** A Redis that a container runs as its image starts it, and its port is published; test/containers/run.ts tells it. */
const url = process.env.REDSWARM_TEST_REDIS_URL ?? ''
let redis: Redis

beforeAll(async () => {
  redis = new Redis(url, { protocol: 2 })
  await redis.flushall()
})
afterAll(() => redis.disconnect())

it('a tracker serves from a container, and what it stored is there after a restart of the tracker', async () => {
  const announce = async ({ udpPort }: TestTracker, left: bigint, port: number) => {
    const client = await UdpClient.open(udpPort)
    try {
      await client.connect()
      return await client.announce({ left, port })
    } finally {
      client.close()
    }
  }
  await withTracker(url, { roles: ['udp', 'sweeper'] }, (tracker) => announce(tracker, 0n, 7001))
  const reply = await withTracker(url, { roles: ['udp', 'sweeper'] }, (tracker) => announce(tracker, 1n, 7002))
  expect([reply.seeders, reply.leechers, reply.peers.toString('hex')]).toEqual([1, 1, '7f0000011b59'])
  expect(await redis.hlen(`swarm:{a00}:${hashOf('a').toString('hex')}`)).toBeGreaterThan(2)
})
