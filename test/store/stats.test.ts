import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { makeCounters } from '../../lib/observe/counters.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { makeStatsFlusher, readStats } from '../../lib/store/stats.ts'
import { startRedis, until, useRedis } from '../support/redis.ts'
import { withTracker } from '../support/tracker.ts'
import { UdpClient } from '../support/udp-client.ts'

/** Shorter than the product's, so that a pause outlasts it soon. */
const COMMAND_MS_MAX = 100

describe('the counters of a frontend', () => {
  const server = useRedis()

  /** A flusher on a connection of its own, whose commands are given up soon. */
  async function withFlusher(
    test: (parts: { counters: ReturnType<typeof makeCounters>; flush: () => Promise<void> }) => Promise<void>,
    prefix = '',
  ): Promise<void> {
    const redis = new Redis({ path: server().socket, protocol: 2, commandTimeout: COMMAND_MS_MAX })
    const counters = makeCounters()
    try {
      await redis.ping()
      const flush = makeStatsFlusher({ redis, keys: makeKeys(prefix), counters, frontendId: 'one' })
      await test({ counters, flush })
    } finally {
      redis.disconnect()
    }
  }
  const pause = (ms: number) => server().redis.call('CLIENT', ['PAUSE', String(ms), 'ALL'])
  const announces = async () => (await readStats(server().redis, makeKeys(''))).udp4_announces

  it('are each added to their own', () =>
    withFlusher(async ({ counters, flush }) => {
      Object.assign(counters, { udp4_announces: 1, udp4_scrapes: 2, tcp4_errors: 3, udp_ignored: 4, store_away: 5 })
      const counted = { ...counters }
      await flush()
      expect(await readStats(server().redis, makeKeys(''))).toEqual(counted)
    }))

  it('are added once where Redis executes a flush that was given up, and again with what came since', () =>
    withFlusher(async ({ counters, flush }) => {
      // The first brings the script into Redis: a call by its hash that was given up is only executed where it is known.
      counters.udp4_announces = 1
      await flush()
      counters.udp4_announces = 20
      await pause(3 * COMMAND_MS_MAX)
      await expect(flush()).rejects.toThrow('timed out')
      counters.udp4_announces = 25
      await expect(flush()).rejects.toThrow('timed out')
      await sleep(2 * COMMAND_MS_MAX)
      expect(await announces()).toBe(20)
      await flush()
      expect(await announces()).toBe(25)
      await flush()
      expect(await announces()).toBe(25)
    }))

  it('are added once by flushes at the same time, and the last one waits for what was counted before it', () =>
    withFlusher(async ({ counters, flush }) => {
      counters.udp4_announces = 3
      const first = flush()
      counters.udp4_announces = 4
      await Promise.all([first, flush(), flush()])
      expect(await announces()).toBe(4)
    }))

  it.each(['many', '007', '-0', '-'])('add nothing where one of them is %s, and all once it is mended', (damage) =>
    withFlusher(async ({ counters, flush }) => {
      const { redis } = server()
      await redis.hset('stats', 'udp4_scrapes', damage)
      Object.assign(counters, { udp4_announces: 3, udp4_scrapes: 2 })
      for (let i = 0; i < 3; i++) await expect(flush()).rejects.toThrow('stats holds what is no number as udp4_scrapes')
      expect(await redis.hgetall('stats')).toEqual({ udp4_scrapes: damage })
      await redis.hset('stats', 'udp4_scrapes', 5)
      await flush()
      expect(await redis.hgetall('stats')).toEqual({ udp4_announces: '3', udp4_scrapes: '7' })
    }),
  )

  it('leave one key of a frontend behind that expires, in the slot of the counters', () =>
    withFlusher(async ({ counters, flush }) => {
      counters.udp4_announces = 1
      await flush()
      const { redis } = server()
      expect((await redis.keys('*')).sort()).toEqual(['my:stats', '{my:stats}:flush:one'])
      expect(await redis.ttl('{my:stats}:flush:one')).toBeGreaterThan(3600)
      // A Redis without Cluster does not tell slots: the hash tag is the whole name of the other key.
      const keys = makeKeys('my:')
      expect(/\{(.+?)\}/.exec(keys.statsFlush('one'))?.[1]).toBe(keys.stats)
    }, 'my:'))

  it('count 20 announces as exactly 20 where Redis pauses for longer than a command may take', async () => {
    const paused = await startRedis()
    try {
      await withTracker(paused.url, { roles: ['udp'] }, async ({ udpPort }) => {
        const client = await UdpClient.open(udpPort)
        await client.connect()
        // A flush that is executed after it was given up needs the script to be there.
        const connections = async () => (await readStats(paused.redis, makeKeys(''))).udp4_connections
        await until('the first flush', async () => (await connections()) === 1)
        // Halfway between two flushes, so that the next is given up (2 s) before the pause is over.
        await sleep(500)
        for (let i = 0; i < 20; i++) await client.announce()
        await paused.redis.call('CLIENT', ['PAUSE', '2800', 'ALL'])
        await sleep(3500)
        client.close()
      })
      expect((await readStats(paused.redis, makeKeys(''))).udp4_announces).toBe(20)
    } finally {
      await paused.stop()
    }
  })
})
