import { describe, expect, it, onTestFinished } from 'vitest'
import { EVENT } from '../../lib/wire/announce.ts'
import { parseUdpReply } from '../../lib/wire/udp-reply.ts'
import { writeConnectRequest } from '../../lib/wire/udp-request.ts'
import { announce, announceTarget, get, peersOf } from '../support/http-client.ts'
import { scrapeMetrics } from '../support/prometheus.ts'
import { until, useRedis } from '../support/redis.ts'
import { hashOf } from '../support/store.ts'
import { type TestTracker, withTracker } from '../support/tracker.ts'
import { UdpClient } from '../support/udp-client.ts'

/** Somebody else is exempt: the loopback counts as any other network. */
const COUNTED = { REDSWARM_LIMITS_EXEMPT: '192.0.2.1' }
/** Hardly a token comes back while a test lasts. */
const FIVE_AT_ONCE = {
  ...COUNTED,
  ...{ REDSWARM_ADDRESS_ANNOUNCES_PER_S: '1', REDSWARM_ADDRESS_CONNECTS_PER_S: '1', REDSWARM_ADDRESS_BURST_S: '5' },
}
const SILENCE_MS = 200

describe('the limits of a client address', () => {
  const server = useRedis()

  const limited = (settings: Record<string, string>, test: (tracker: TestTracker) => Promise<void>) =>
    withTracker(server().url, { roles: ['udp', 'http'], settings }, test)

  async function open({ udpPort }: TestTracker, from?: string): Promise<UdpClient> {
    const client = await UdpClient.open(udpPort, '127.0.0.1', from)
    onTestFinished(() => client.close())
    return client
  }
  async function connected(tracker: TestTracker, from?: string): Promise<UdpClient> {
    const client = await open(tracker, from)
    await client.connect()
    return client
  }

  /** What a client is answered: how many peers, an error, or nothing. */
  async function told(client: UdpClient, datagram: Buffer): Promise<string> {
    const reply = await client.exchange(datagram, SILENCE_MS)
    const parsed = reply && parseUdpReply(reply)
    if (!parsed?.ok) return 'silence'
    return 'message' in parsed.value ? parsed.value.message : 'served'
  }
  const toldOf = async (client: UdpClient, count: number): Promise<string[]> => {
    const all: string[] = []
    for (let i = 0; i < count; i++) all.push(await told(client, client.announceRequest()))
    return all
  }
  const SERVED_5 = new Array<string>(5).fill('served')
  const SLOW_DOWN = 'too many requests from your address: slow down'

  it('answer its burst over UDP, then one error, then nothing until time has passed; others are served', () =>
    limited(FIVE_AT_ONCE, async (tracker) => {
      const [busy, neighbour, other] = [
        ...[await connected(tracker), await connected(tracker), await connected(tracker, '127.0.0.2')],
      ] as [UdpClient, UdpClient, UdpClient]
      const seen = await Promise.all(Array.from({ length: 30 }, () => told(busy, busy.announceRequest())))
      expect(seen.filter((each) => each === 'served').length).toBeLessThanOrEqual(7)
      expect(seen.filter((each) => each === SLOW_DOWN)).toHaveLength(1)
      expect(seen.filter((each) => each === 'silence').length).toBeGreaterThan(20)
      // Ports of one address have one limit, and scrapes count as announces do. What has come back meanwhile is used up.
      for (let i = 0; i < 10; i++) busy.send(busy.announceRequest())
      expect(await told(neighbour, neighbour.scrapeRequest([hashOf('a')]))).toBe('silence')
      expect(await toldOf(other, 5)).toEqual(SERVED_5)
      await until('a token', async () => (await told(busy, busy.announceRequest())) === 'served')
      const samples = await scrapeMetrics(tracker.metricsUrl)
      expect(samples.get('redswarm_refusals_total{cause="over_rate"}')).toBe(1)
      expect(samples.get('redswarm_datagrams_dropped_total{cause="over_rate"}')).toBeGreaterThan(20)
    }))

  it('refuse over HTTP with the minutes to wait, by the same count as over UDP', () =>
    limited(FIVE_AT_ONCE, async (tracker) => {
      const client = await connected(tracker)
      await Promise.all(Array.from({ length: 5 }, () => client.announce()))
      const answers = await Promise.all(Array.from({ length: 5 }, () => announce(tracker.httpUrl)))
      const refused = answers.filter((answer) => answer['failure reason'] !== undefined)
      expect(refused.length).toBeGreaterThanOrEqual(3)
      for (const answer of refused) {
        expect(answer['failure reason']).toBe(SLOW_DOWN)
        expect([1, 2, 3, 4, 5]).toContain(answer['retry in'])
      }
      const scrapes = await Promise.all(Array.from({ length: 5 }, () => get(`${tracker.httpUrl}/scrape?info_hash=a`)))
      expect(scrapes.filter(({ body }) => body.includes(SLOW_DOWN)).length).toBeGreaterThanOrEqual(3)
      expect(await announce(tracker.httpUrl, {}, '127.0.0.2')).toMatchObject({ complete: 0 })
      const samples = await scrapeMetrics(tracker.metricsUrl)
      expect(samples.get('redswarm_refusals_total{cause="over_rate"}')).toBeGreaterThanOrEqual(6)
    }))

  it('are not used up by who forges an address: a client with a valid connection id is served', () =>
    limited(FIVE_AT_ONCE, async (tracker) => {
      const [victim, forger] = [await connected(tracker), await open(tracker)]
      for (let i = 0; i < 500; i++) {
        forger.send(forger.announceRequest())
        forger.send(forger.scrapeRequest([hashOf('a')]))
        if (i % 50 === 0) await told(forger, forger.announceRequest())
      }
      expect(await toldOf(victim, 5)).toEqual(SERVED_5)
    }))

  it('leave a client its connection id where a forger uses up the connects of its address', () =>
    limited(FIVE_AT_ONCE, async (tracker) => {
      const [victim, forger] = [await open(tracker), await open(tracker)]
      const connect = (client: UdpClient) => told(client, writeConnectRequest(client.nextTransactionId()))
      const flood = await Promise.all(Array.from({ length: 200 }, () => connect(forger)))
      expect(flood.filter((each) => each !== 'silence').length).toBeLessThan(10)
      for (const answer of ['served', 'silence']) {
        // What has come back meanwhile, on a slow machine.
        for (let i = 0; i < 10; i++) forger.send(writeConnectRequest(forger.nextTransactionId()))
        expect(await connect(victim)).toBe(answer)
      }
    }))

  it('are those of each family of a dual-stack client', () =>
    limited({ ...FIVE_AT_ONCE, REDSWARM_UDP_LISTEN: '127.0.0.1:0,[::1]:0' }, async (tracker) => {
      const four = await connected(tracker)
      const six = await UdpClient.open(tracker.udp[1]?.port ?? 0, '::1')
      onTestFinished(() => six.close())
      await six.connect()
      const both = await Promise.all([toldOf(four, 5), toldOf(six, 5)])
      expect(both).toEqual([SERVED_5, SERVED_5])
      const over = await Promise.all([toldOf(four, 5), toldOf(six, 5)])
      for (const seen of over) expect(seen).toContain(SLOW_DOWN)
    }))

  it('as they are by default let all clients of a NAT in, each with peers, whatever they announce', () =>
    limited(COUNTED, async (tracker) => {
      const client = await connected(tracker, '127.0.0.2')
      const asked = Array.from({ length: 3000 }, (_, i) => i)
      for (let from = 0; from < asked.length; from += 100)
        await Promise.all(
          asked.slice(from, from + 100).map((i) => client.announce({ port: 1 + (i % 600), numwant: 1 })),
        )
      const samples = await scrapeMetrics(tracker.metricsUrl)
      expect(samples.get('redswarm_requests_total{protocol="udp",family="ipv4",kind="announce",outcome="ok"}')).toBe(
        3000,
      )
    }))

  it('are not for the machine itself, as they are by default: a load from there is served at any rate', () =>
    limited({ REDSWARM_ADDRESS_ANNOUNCES_PER_S: '1', REDSWARM_ADDRESS_BURST_S: '1' }, async (tracker) => {
      const [client, seeder] = [await connected(tracker), await connected(tracker)]
      await seeder.announce({ left: 0n })
      for (let i = 0; i < 20; i++) {
        const replies = await Promise.all(Array.from({ length: 20 }, () => client.announce()))
        expect(replies.every(({ peers }) => peers.length === 6)).toBe(true)
      }
    }))
})

describe('regular announces sooner than the minimum interval', () => {
  const server = useRedis()
  const limited = (settings: Record<string, string>, test: (tracker: TestTracker) => Promise<void>) =>
    withTracker(server().url, { roles: ['udp', 'http'], settings: { ...COUNTED, ...settings } }, test)
  const seeder = { left: 0, port: 7000 }

  it('are told no peers after three, with a warning over HTTP that says how long to wait, and one swarm at a time', () =>
    limited({}, async ({ httpUrl, metricsUrl }) => {
      await announce(httpUrl, seeder)
      await announce(httpUrl, { ...seeder, info_hash: '%bb'.repeat(20) })
      for (let i = 0; i < 4; i++) expect(peersOf(await announce(httpUrl))).toEqual(['127.0.0.1:7000'])
      const early = await announce(httpUrl)
      expect(early).toMatchObject({ complete: 1, incomplete: 1, peers: '' })
      expect((early as Record<string, unknown>)['warning message']).toMatch(
        /^you announce too often: no peers for the next (8[89]\d|900) seconds$/,
      )
      const { body } = await get(httpUrl + announceTarget())
      expect(body.toString('latin1')).toMatch(
        /5:peers0:15:warning message\d+:[^:]+: no peers for the next \d+ secondse$/,
      )
      expect(await announce(httpUrl, { compact: 0 })).toMatchObject({
        ...{ peers: [], 'warning message': expect.stringContaining('too often') },
      })
      expect(peersOf(await announce(httpUrl, { info_hash: '%bb'.repeat(20) }))).toEqual(['127.0.0.1:7000'])
      expect(peersOf(await announce(httpUrl, { port: 6999 }))).toContain('127.0.0.1:7000')
      expect((await scrapeMetrics(metricsUrl)).get('redswarm_early_announces_total')).toBe(3)
    }))

  it('are told no peers over UDP either, and a client that starts, stops and completes in turns is told all', () =>
    limited({ REDSWARM_EARLY_ANNOUNCES_MAX: '0' }, async ({ httpUrl, udpPort, metricsUrl }) => {
      await announce(httpUrl, seeder)
      const client = await UdpClient.open(udpPort)
      onTestFinished(() => client.close())
      await client.connect()
      expect((await client.announce()).peers).toHaveLength(6)
      expect(await client.announce()).toMatchObject({ seeders: 1, leechers: 1, peers: Buffer.alloc(0) })
      for (let i = 0; i < 20; i++) {
        expect((await client.announce({ event: EVENT.started })).peers).toHaveLength(6)
        expect((await client.announce({ event: EVENT.completed })).peers).toHaveLength(6)
        await client.announce({ event: EVENT.stopped })
      }
      expect((await scrapeMetrics(metricsUrl)).get('redswarm_early_announces_total')).toBe(1)
    }))

  it('do not count where they were refused', () =>
    limited({ REDSWARM_EARLY_ANNOUNCES_MAX: '0', REDSWARM_LISTED: 'true' }, async ({ httpUrl }) => {
      for (let i = 0; i < 5; i++) expect(await announce(httpUrl)).toHaveProperty('failure reason')
      await server().redis.sadd('whitelist:{a00}', hashOf('a').toString('hex'))
      expect(await announce(httpUrl)).not.toHaveProperty('warning message')
      expect(await announce(httpUrl)).toHaveProperty('warning message')
    }))

  it('are all answered with peers where there is no limit', () =>
    limited({ REDSWARM_EARLY_ANNOUNCES_MAX: '255' }, async ({ httpUrl }) => {
      await announce(httpUrl, seeder)
      for (let i = 0; i < 300; i++) expect(peersOf(await announce(httpUrl))).toEqual(['127.0.0.1:7000'])
    }))
})

describe('an overloaded tracker', () => {
  const server = useRedis()
  const settings = { REDSWARM_ANNOUNCE_INTERVAL_MAX_S: '2000' }

  it(
    'tells a longer interval, no longer than it may, and its own again when it keeps up',
    () =>
      withTracker(server().url, { roles: ['udp'], settings }, async ({ udpPort, metricsUrl }) => {
        const client = await UdpClient.open(udpPort)
        onTestFinished(() => client.close())
        await client.connect()
        const told = async () => (await scrapeMetrics(metricsUrl)).get('redswarm_announce_interval_seconds') ?? 0
        const crowd = () => Promise.all(Array.from({ length: 100 }, (_, i) => client.announce({ port: 1 + i })))
        expect(await told()).toBe(1800)
        let longestS = 0
        // Of 1800 s, and what is added by chance, at most 1980 are told.
        await until(
          'a crowd to be told more',
          async () => {
            await server().redis.client('PAUSE', 700, 'ALL')
            longestS = Math.max(longestS, ...(await crowd()).map(({ intervalS }) => intervalS))
            return longestS > 1980
          },
          20_000,
        )
        expect(longestS).toBeLessThanOrEqual(2200)
        await until('the interval to come back', async () => (await told()) === 1800, 40_000)
        expect((await client.announce()).intervalS).toBeLessThanOrEqual(1980)
      }),
    60_000,
  )
})
