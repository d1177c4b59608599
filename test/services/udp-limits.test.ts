import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { makeKeys } from '../../lib/store/keys.ts'
import { readStats } from '../../lib/store/stats.ts'
import { parseUdpReply } from '../../lib/wire/udp-reply.ts'
import { until, useRedis } from '../support/redis.ts'
import { withTracker } from '../support/tracker.ts'
import { UdpClient } from '../support/udp-client.ts'

/** As many as the system's buffers hold for one socket, whatever it grants. */
const CLIENTS = 6
const ANNOUNCES_PER_CLIENT = 100

describe('the UDP tracker at its limits', () => {
  const server = useRedis()

  const withClient = (test: (client: UdpClient) => Promise<void>) =>
    withTracker(server().url, { roles: ['udp'] }, async ({ udpPort }) => {
      const client = await UdpClient.open(udpPort)
      await client.connect()
      await test(client).finally(() => client.close())
    })

  /** Runs while Redis hangs: it takes commands in and answers none. */
  async function whileHanging(test: () => Promise<void>): Promise<void> {
    server().process.kill('SIGSTOP')
    try {
      await test()
    } finally {
      server().process.kill('SIGCONT')
    }
  }

  /** How long a reply took, and whether it was an error. */
  async function timed(client: UdpClient): Promise<{ tookMs: number; isError: boolean }> {
    const startMs = performance.now()
    const reply = await client.exchange(client.announceRequest({ left: 0n }), 10_000)
    const parsed = reply && parseUdpReply(reply)
    if (!parsed?.ok) throw new Error('no reply came')
    return { tookMs: performance.now() - startMs, isError: 'message' in parsed.value }
  }

  /** Clients at the same address: the connection id of one is good for all. */
  const clientsLike = (client: UdpClient) =>
    Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        const other = await UdpClient.open(client.trackerPort)
        other.connectionId = client.connectionId
        onTestFinished(() => other.close())
        return other
      }),
    )

  it('answers all that waits when Redis has hung for as long as a command may take, and later ones at once', () =>
    withClient(async (client) => {
      await client.announce()
      await whileHanging(async () => {
        const asked: ReturnType<typeof timed>[] = []
        for (const each of await clientsLike(client)) {
          for (let i = 0; i < ANNOUNCES_PER_CLIENT; i++) asked.push(timed(each))
          await sleep(10)
        }
        const replies = await Promise.all(asked)
        expect(replies.every(({ isError }) => isError)).toBe(true)
        expect(Math.max(...replies.map(({ tookMs }) => tookMs))).toBeLessThan(2500)
        const probe = timed(client)
        await sleep(400)
        for (let i = 0; i < 5; i++) {
          const later = await timed(client)
          expect(later).toMatchObject({ isError: true })
          expect(later.tookMs).toBeLessThan(100)
        }
        server().process.kill('SIGCONT')
        expect(await probe).toMatchObject({ isError: false })
      })
      await until('service to resume', async () => !(await timed(client)).isError, 1000)
    }))

  it('serves within a second of the return of a Redis that hung until its connection was given up', () =>
    withClient(async (client) => {
      await client.announce()
      await whileHanging(async () => {
        const endMs = performance.now() + 6000
        while (performance.now() < endMs) expect(await timed(client)).toMatchObject({ isError: true })
      })
      await until('service to resume', async () => !(await timed(client)).isError, 1000)
    }))

  it('drops and counts what comes while 8192 datagrams wait for Redis', () =>
    withClient(async (client) => {
      await client.announce()
      await whileHanging(async () => {
        // In rounds, so that the system's buffers lose none.
        for (let round = 0; round < 90; round++) {
          for (let i = 0; i < 100; i++) client.send(client.announceRequest())
          await sleep(5)
        }
      })
      let dropped = 0
      await until('the drops to be counted', async () => {
        dropped = (await readStats(server().redis, makeKeys(''))).udp_dropped
        return dropped > 0
      })
      expect(dropped).toBeLessThanOrEqual(9000 - 8192 + 64)
      await until('service to resume', async () => !(await timed(client)).isError, 1000)
    }))
})
