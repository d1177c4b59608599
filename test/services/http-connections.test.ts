import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { announce, announceTarget, decode, HttpClient } from '../support/http-client.ts'
import { scrapeMetrics } from '../support/prometheus.ts'
import { until, useRedis } from '../support/redis.ts'
import { startSlowClients } from '../support/slow-clients.ts'
import { type TestTracker, withTracker } from '../support/tracker.ts'

/** Nobody of the loopback is exempt. */
const NOBODY = { REDSWARM_LIMITS_EXEMPT: '192.0.2.1' }
const SLOW_CLIENTS = 3000

const server = useRedis()
const withHttp = (settings: Record<string, string>, test: (tracker: TestTracker) => Promise<void>) =>
  withTracker(server().url, { roles: ['http'], settings: { ...NOBODY, ...settings } }, test)

const portOf = ({ httpUrl }: TestTracker) => Number(new URL(httpUrl).port)

async function connectionsOf({ metricsUrl }: TestTracker) {
  const samples = await scrapeMetrics(metricsUrl)
  return {
    open: samples.get('redswarm_http_connections'),
    closed: samples.get('redswarm_http_connections_closed_total'),
  }
}

/** Whether a client is still answered on its connection. */
const isServed = (client: HttpClient) =>
  client.get(announceTarget()).then(
    ({ status }) => status === 200,
    () => false,
  )

describe('the connections of the HTTP tracker', () => {
  it.each<[string, Record<string, string>, number]>([
    ['as many as may be', { REDSWARM_HTTP_CONNECTIONS_MAX: '1000' }, 1000],
    ['as many of each address as may be', { REDSWARM_HTTP_CONNECTIONS_PER_ADDRESS: '100' }, 2000],
  ])(
    `of ${SLOW_CLIENTS} slow clients are %s, and honest ones are answered all the while`,
    { timeout: 90_000 },
    async (_name, settings, kept) =>
      withHttp(settings, async (tracker) => {
        const addresses = Array.from({ length: 20 }, (_, i) => `127.0.1.${i + 1}`)
        const honest = { answered: 0, msMax: 0, isOver: false }
        const askOnAndOn = async () => {
          while (!honest.isOver) {
            const startMs = performance.now()
            // From an address of the slow ones as well: who asks at once is the newest there, too.
            const answer = await announce(tracker.httpUrl, {}, honest.answered % 2 === 0 ? '127.0.0.9' : addresses[0])
            expect(answer).toMatchObject({ incomplete: expect.any(Number) })
            honest.answered += 1
            honest.msMax = Math.max(honest.msMax, performance.now() - startMs)
            await sleep(5)
          }
        }
        const before = process.memoryUsage.rss()
        const asking = askOnAndOn()
        const slow = await startSlowClients(portOf(tracker), addresses, SLOW_CLIENTS)
        try {
          await until('those that are too many to be closed', () => slow.open() <= kept, 20_000)
          await sleep(1000)
          honest.isOver = true
          await asking
          expect(honest.answered).toBeGreaterThan(20)
          expect(honest.msMax).toBeLessThan(5000)
          const { open, closed } = await connectionsOf(tracker)
          expect(open).toBeLessThanOrEqual(kept + 1)
          // Some may have been told by then that they are late.
          expect(closed).toBeGreaterThan((SLOW_CLIENTS - kept) / 2)
          // Both ends of each connection are in this process.
          expect(process.memoryUsage.rss() - before).toBeLessThan(300_000_000)
        } finally {
          honest.isOver = true
          slow.stop()
        }
        await until('all to be forgotten', async () => (await connectionsOf(tracker)).open === 0)
      }),
  )

  it('that have been idle longest make room for a new one', () =>
    withHttp({ REDSWARM_HTTP_CONNECTIONS_MAX: '3' }, async (tracker) => {
      const [first, second, third] = [
        await HttpClient.open(tracker.httpUrl),
        await HttpClient.open(tracker.httpUrl),
        await HttpClient.open(tracker.httpUrl),
      ]
      second.send('GET /announce?slow')
      expect(await isServed(first)).toBe(true)
      const fourth = await HttpClient.open(tracker.httpUrl)
      await second.closed
      expect(await isServed(third)).toBe(true)
      const fifth = await HttpClient.open(tracker.httpUrl)
      await first.closed
      expect([await isServed(third), await isServed(fourth), await isServed(fifth)]).toEqual([true, true, true])
      expect(await connectionsOf(tracker)).toEqual({ open: 3, closed: 2 })
      for (const client of [third, fourth, fifth]) client.close()
    }))

  it('are not closed for a new one while their requests are in work: the new one is', () =>
    withHttp({ REDSWARM_HTTP_CONNECTIONS_MAX: '2' }, async (tracker) => {
      const clients = [await HttpClient.open(tracker.httpUrl), await HttpClient.open(tracker.httpUrl)]
      await server().redis.client('PAUSE', 600)
      const answers = clients.map((client) => client.get(announceTarget()))
      await until('both to be in work', async () => {
        const late = await HttpClient.open(tracker.httpUrl)
        await late.closed
        return true
      })
      for (const { body } of await Promise.all(answers)) expect(decode(body)).toMatchObject({ incomplete: 1 })
      expect((await connectionsOf(tracker)).closed).toBe(1)
      expect(await announce(tracker.httpUrl)).toMatchObject({ incomplete: 1 })
      for (const client of clients) client.close()
    }))

  it('of one address make room for one another, and not for those of others', () =>
    withHttp({ REDSWARM_HTTP_CONNECTIONS_PER_ADDRESS: '2' }, async (tracker) => {
      const open = (from: string) => HttpClient.open(tracker.httpUrl, from)
      const other = await open('127.0.0.3')
      const [first, second] = [await open('127.0.0.2'), await open('127.0.0.2')]
      const third = await open('127.0.0.2')
      await first.closed
      expect([await isServed(other), await isServed(second), await isServed(third)]).toEqual([true, true, true])
      for (const client of [other, second, third]) client.close()
    }))

  it.each<[string, Record<string, string>]>([
    ['is exempt', { REDSWARM_LIMITS_EXEMPT: '127.0.0.0/8' }],
    ['is a trusted proxy', { REDSWARM_TRUSTED_PROXIES: '127.0.0.1' }],
  ])('may be any number of an address that %s', (_name, settings) =>
    withHttp({ REDSWARM_HTTP_CONNECTIONS_PER_ADDRESS: '2', ...settings }, async (tracker) => {
      const clients = await Promise.all(Array.from({ length: 20 }, () => HttpClient.open(tracker.httpUrl)))
      const headers = { 'x-forwarded-for': '198.51.100.7' }
      for (const client of clients) expect((await client.get(announceTarget(), headers)).status).toBe(200)
      expect((await connectionsOf(tracker)).closed).toBe(0)
      for (const client of clients) client.close()
    }),
  )

  it('that are closed are told of in one line of the log, with an address and the setting', async () => {
    const lines: string[] = []
    const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) })
    const settings = { ...NOBODY, REDSWARM_HTTP_CONNECTIONS_PER_ADDRESS: '1' }
    await withTracker(server().url, { roles: ['http'], settings, log }, async (tracker) => {
      for (let i = 0; i < 10; i++) await HttpClient.open(tracker.httpUrl)
      expect((await connectionsOf(tracker)).closed).toBe(9)
    })
    const told = lines.map((line) => JSON.parse(line)).filter(({ limit }) => limit !== undefined)
    expect(told).toHaveLength(1)
    expect(told[0]).toMatchObject({ address: '127.0.0.1', limit: 'REDSWARM_HTTP_CONNECTIONS_PER_ADDRESS', closed: 1 })
  })
})

describe('the HTTP tracker, under attack', () => {
  /** How long a connection lives on which this is sent; the client never closes its side. */
  const livesMs = async (tracker: TestTracker, first: string, then?: Buffer): Promise<number> => {
    const socket = connect({ port: portOf(tracker), host: '127.0.0.1', allowHalfOpen: true })
    const startMs = performance.now()
    socket.on('error', () => {}).resume()
    socket.write(first)
    const timer = setInterval(() => then && socket.writable && socket.write(then), 20)
    await until('the connection to be forgotten', async () => (await connectionsOf(tracker)).open === 0, 20_000)
    clearInterval(timer)
    socket.destroy()
    return performance.now() - startMs
  }

  it('cuts a client whose body goes on and on, though its request is answered', { timeout: 30_000 }, () =>
    withHttp({}, async (tracker) => {
      const head = `GET ${announceTarget()} HTTP/1.1\r\nhost: x\r\n`
      expect(await livesMs(tracker, `${head}content-length: 99999999999\r\n\r\n`, Buffer.alloc(10_000))).toBeLessThan(
        13_500,
      )
    }),
  )

  it('keeps no connection half open of a client that was refused and does not close', () =>
    withHttp({}, async (tracker) => {
      expect(await livesMs(tracker, 'HELLO\r\n\r\n')).toBeLessThan(2500)
    }))

  it('disconnects clients that send on and on and read nothing, and serves the others', { timeout: 60_000 }, () =>
    withHttp({}, async (tracker) => {
      const before = process.memoryUsage.rss()
      const requests = Buffer.from(`GET ${announceTarget({ compact: 0 })} HTTP/1.1\r\nhost: x\r\n\r\n`.repeat(500))
      const sockets = Array.from({ length: 50 }, () => {
        const socket = connect(portOf(tracker), '127.0.0.1').on('error', () => {})
        socket.pause()
        socket.write(requests)
        return socket
      })
      // The first of them may wait, 4,096 requests in all.
      await until('the rest to be cut', async () => ((await connectionsOf(tracker)).closed ?? 0) >= 30, 30_000)
      expect(await announce(tracker.httpUrl, {}, '127.0.0.9')).toMatchObject({ incomplete: expect.any(Number) })
      expect(process.memoryUsage.rss() - before).toBeLessThan(400_000_000)
      for (const socket of sockets) socket.destroy()
    }),
  )
})
