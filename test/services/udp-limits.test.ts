import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { describe, expect, it, onTestFinished } from 'vitest'
import { makeCounters } from '../../lib/observe/counters.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { makeRedisStore } from '../../lib/store/redis.ts'
import { readStats } from '../../lib/store/stats.ts'
import { BATCH_MAX, type Datagram, type UdpSocket } from '../../lib/udp/socket.ts'
import { parseUdpReply } from '../../lib/wire/udp-reply.ts'
import { startUdpService } from '../../services/udp/service.ts'
import { until, useRedis } from '../support/redis.ts'
import { announceOf, at, hashOf, silentLog } from '../support/store.ts'
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

  it('drops and counts what comes while 8192 datagrams wait, and takes more when some are answered', async () => {
    const counters = makeCounters()
    const inWork: (() => void)[] = []
    let receive = (_: Datagram[]): void => {}
    let isFull = (): boolean => false
    const service = await startUdpService({
      listens: [{ address: '127.0.0.1', port: 0 }],
      handle: () => new Promise((resolve) => inWork.push(resolve)),
      openSocket: async (listen, onBatch, options) => {
        isFull = options?.isFull ?? isFull
        const socket: UdpSocket = { listen, send: () => 0, takeDrops: () => 5, pause: () => {}, close: async () => {} }
        receive = (batch) => onBatch(batch, socket)
        return socket
      },
      counters,
      log: silentLog,
    })
    const batch = Array.from({ length: BATCH_MAX }, () => ({ payload: Buffer.alloc(0), source: at('::1'), via: 0 }))
    const fits = 8192 / BATCH_MAX
    for (let i = 0; i < fits; i++) {
      expect(isFull()).toBe(false)
      receive(batch)
    }
    expect(isFull()).toBe(true)
    // From a socket that takes in all the same.
    receive(batch)
    receive(batch)
    expect([inWork.length, counters.udp_dropped]).toEqual([fits, 2 * BATCH_MAX])
    inWork[0]?.()
    await sleep(0)
    expect(isFull()).toBe(false)
    receive(batch)
    receive(batch)
    expect([inWork.length, counters.udp_dropped]).toEqual([fits + 1, 3 * BATCH_MAX])
    for (const end of inWork) end()
    await service.stop()
    // With those that the system tells of.
    expect(counters.udp_dropped).toBe(3 * BATCH_MAX + 5)
  })

  it('counts an announce that it refuses as an error, and not as an announce', () =>
    withClient(async (client) => {
      await expect(client.announce({ port: 0 })).rejects.toThrow('port must not be 0')
      await client.announce()
      const stats = () => readStats(server().redis, makeKeys(''))
      await until('both to be counted', async () => (await stats()).udp4_announces > 0)
      expect(await stats()).toMatchObject({ udp4_announces: 1, udp4_errors: 1 })
    }))

  it('tells of a damaged swarm once a minute, and of a hundred at most', async () => {
    const lines: string[] = []
    let uptimeMs = 1000
    const store = makeRedisStore({
      redis: server().redis,
      keys: makeKeys(''),
      policy: { peerLifetimeS: 3900, peerDetails: true, listed: false },
      random: Math.random,
      counters: makeCounters(),
      log: pino({ level: 'error' }, { write: (line) => lines.push(line) }),
      uptimeMs: () => uptimeMs,
    })
    const hashes = Array.from({ length: 150 }, (_, i) => hashOf(`ab${String(i).padStart(3, '0')}`))
    for (const hash of hashes) await server().redis.set(makeKeys('').swarm(hash.toString('hex')), 'damaged')
    const announces = hashes.map((infoHash) => announceOf({ infoHash }))
    const toldAfter = async (count: number) => {
      const before = lines.length
      const replies = await store.announce(announces.slice(0, count))
      expect(replies.every((reply) => !reply.ok && reply.refusal === 'damaged')).toBe(true)
      return lines.length - before
    }
    expect(await toldAfter(1)).toBe(1)
    expect(lines[0]).toContain('swarm:{ab0}:ab000')
    uptimeMs += 30_000
    expect([await toldAfter(1), await toldAfter(150), await toldAfter(150)]).toEqual([0, 99, 0])
    uptimeMs += 30_000
    expect([await toldAfter(1), await toldAfter(150)]).toEqual([1, 0])
  })
})
