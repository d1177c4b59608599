import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { encodeBytes } from '../../lib/wire/query.ts'
import { writeConnectRequest } from '../../lib/wire/udp-request.ts'
import { announceTarget, decode, get, HttpClient } from '../support/http-client.ts'
import { type Client, headerLocal, headerV1, headerV2 } from '../support/proxy-header.ts'
import { until, useRedis } from '../support/redis.ts'
import { hashOf } from '../support/store.ts'
import { type TestTracker, withTracker } from '../support/tracker.ts'
import { UdpClient } from '../support/udp-client.ts'

const CLIENT: Client = { address: '198.51.100.7', port: 40_000 }
const CLIENT_V6: Client = { address: '2001:db8::7', port: 40_000 }
const VERSIONS = [
  { version: 1, header: headerV1 },
  { version: 2, header: headerV2 },
]
/** As a proxy asks that was set up without the protocol, or speaks for itself, or was asked by another proxy. */
const SILENT = [
  { says: 'nothing', header: Buffer.alloc(0) },
  { says: 'that it knows nobody', header: Buffer.from('PROXY UNKNOWN\r\n') },
  { says: 'that it speaks for itself', header: headerLocal() },
  { says: 'its own address', header: headerV1({ address: '127.0.0.1', port: 1 }) },
  { says: 'the address of another proxy', header: headerV2({ address: '10.1.2.3', port: 1 }) },
]

describe('the PROXY protocol', () => {
  const server = useRedis()
  const withTrusted = (roles: ('udp' | 'http')[], test: (tracker: TestTracker) => Promise<void>) =>
    withTracker(
      server().url,
      { roles, settings: { REDSWARM_TRUSTED_PROXIES: '127.0.0.1,10.0.0.0/8', REDSWARM_LOG_LEVEL: 'error' } },
      test,
    )
  /** The addresses and ports that are stored. */
  const stored = async () => {
    const fields = await server().redis.hkeysBuffer(`swarm:{a00}:${hashOf('a').toString('hex')}`)
    return fields.filter(({ length }) => length === 6 || length === 18).map((field) => field.toString('hex'))
  }
  /** The refused headers, by cause. */
  const refused = async ({ metricsUrl }: TestTracker) => {
    const { body } = await get(`${metricsUrl}/metrics`)
    const samples = body.toString().matchAll(/^redswarm_proxy_headers_refused_total\{cause="(\w+)"[^}]*\} (\d+)$/gm)
    return Object.fromEntries([...samples].map(([, cause, count]) => [cause, Number(count)]))
  }
  /** Runs with a client of the UDP tracker behind a proxy at this address. */
  const withUdp = (from: string, test: (client: UdpClient, tracker: TestTracker) => Promise<void>) =>
    withTrusted(['udp'], async (tracker) => {
      const client = await UdpClient.open(tracker.udpPort, '127.0.0.1', from)
      await test(client, tracker).finally(() => client.close())
    })
  const isSilent = async (client: UdpClient) =>
    (await client.exchange(writeConnectRequest(client.nextTransactionId()), 200)) === undefined

  describe.each(VERSIONS)('version $version, before datagrams', ({ header }) => {
    it('tells where their clients are: in the swarm, in connection ids, whatever their family', () =>
      withUdp('127.0.0.1', async (client) => {
        client.header = header(CLIENT)
        await client.connect()
        await client.announce({ left: 0n, port: 7001 })
        client.header = header({ address: '198.51.100.8', port: 1 })
        await expect(client.announce()).rejects.toThrow('bad connection id')
        await client.connect()
        expect((await client.announce({ port: 7002 })).peers.toString('hex')).toBe('c63364071b59')
        client.header = header(CLIENT_V6)
        await client.connect()
        await client.announce({ left: 0n, port: 7003 })
        client.header = header({ address: '2001:db8::8', port: 1 })
        await client.connect()
        expect((await client.announce({ port: 7004 })).peers.toString('hex')).toBe(
          '20010db80000000000000000000000071b5b',
        )
        expect((await stored()).sort()).toEqual([
          '20010db80000000000000000000000071b5b',
          '20010db80000000000000000000000081b5c',
          'c63364071b59',
          'c63364081b5a',
        ])
      }))

    it('answers each of many clients that come in one read, of both families', () =>
      withUdp('127.0.0.1', async (client) => {
        const clients = Array.from({ length: 40 }, (_, i) =>
          i % 2 === 0 ? { address: `198.51.100.${i}`, port: 1 } : { address: `2001:db8::${i}`, port: 1 },
        )
        const connections = await Promise.all(
          clients.map((own) => {
            client.header = header(own)
            return client.exchange(writeConnectRequest(client.nextTransactionId()))
          }),
        )
        const answers = await Promise.all(
          clients.map((own, i) => {
            client.header = header(own)
            const connectionId = connections[i]?.subarray(8, 16) as Buffer
            return client.announce({ connectionId, port: 1000 + i, numwant: 0 })
          }),
        )
        expect(answers).toHaveLength(40)
        client.header = header(CLIENT)
        await client.connect()
        expect(await client.scrape([hashOf('a')])).toEqual([{ seeders: 0, leechers: 40, completed: 0 }])
      }))

    it('is dropped and counted where no proxy sent it', () =>
      withUdp('127.0.0.2', async (client, tracker) => {
        client.header = header(CLIENT)
        expect(await isSilent(client)).toBe(true)
        client.send(client.announceRequest())
        await until('the count', async () => (await refused(tracker)).untrusted === 2)
        expect(await stored()).toEqual([])
        client.header = Buffer.alloc(0)
        await client.connect()
        await client.announce({ port: 7001 })
        expect(await stored()).toEqual(['7f0000021b59'])
      }))
  })

  it('answers an empty datagram where it has no other, so that the proxy does not wait; and none to what is no longer than that', () =>
    withUdp('127.0.0.1', async (client) => {
      client.header = headerV1(CLIENT)
      await client.connect()
      const garbage = Buffer.alloc(16, 'x')
      for (let i = 0; i < 3; i++) client.send(garbage)
      client.send(client.announceRequest())
      client.send(garbage.subarray(1))
      client.send(Buffer.alloc(0))
      client.header = headerV1({ address: '10.1.2.3', port: 1 })
      client.send(garbage)
      await until('the empty answers', () => client.empty === 4)
      client.header = headerV1(CLIENT)
      await client.connect()
      expect(client.empty).toBe(4)
      client.header = Buffer.alloc(0)
      client.send(Buffer.alloc(0))
      client.send(garbage)
      expect(await isSilent(client)).toBe(true)
      expect(client.empty).toBe(4)
    }))

  it.each(SILENT)('leaves a datagram unanswered whose proxy says $says, and counts it', ({ header }) =>
    withUdp('127.0.0.1', async (client, tracker) => {
      client.header = header
      expect(await isSilent(client)).toBe(true)
      expect(await refused(tracker)).toEqual({ untrusted: 0, broken: 0, silent: 1 })
      expect(await stored()).toEqual([])
    }),
  )

  it.each(['PROXY TCP4\r\n', 'PROXY ', 'PROXY TCP4 1.2.3.4 1.2.3.4 1 1'])(
    'leaves a datagram unanswered whose header is broken, and counts it: %j',
    (text) =>
      withUdp('127.0.0.1', async (client, tracker) => {
        client.header = Buffer.from(text)
        expect(await isSilent(client)).toBe(true)
        expect(await refused(tracker)).toEqual({ untrusted: 0, broken: 1, silent: 0 })
      }),
  )

  /** Runs with the connection of a proxy, or of somebody else, to the HTTP tracker. */
  const withHttp = (from: string, test: (client: HttpClient, tracker: TestTracker) => Promise<void>) =>
    withTrusted(['http'], async (tracker) => {
      const client = await HttpClient.open(tracker.httpUrl, from)
      await test(client, tracker).finally(() => client.close())
    })
  const target = announceTarget({ port: 7001 })

  describe.each(VERSIONS)('version $version, before a connection', ({ header }) => {
    it.each([
      { name: 'IPv4', client: CLIENT, own: '\xc6\x33\x64\x07', peer: 'c63364071b59' },
      {
        name: 'IPv6',
        client: CLIENT_V6,
        own: Buffer.from('20010db8000000000000000000000007', 'hex').toString('latin1'),
        peer: '20010db80000000000000000000000071b59',
      },
    ])('tells where its client is, for all of its requests ($name)', ({ client: at, own, peer }) =>
      withHttp('127.0.0.1', async (client) => {
        client.send(header(at))
        // One at a time, and two at once.
        expect(decode((await client.get(target)).body)).toMatchObject({ 'external ip': own })
        for (const answer of await Promise.all([client.get(target), client.get(target)]))
          expect(decode(answer.body)).toMatchObject({ 'external ip': own })
        expect(await stored()).toEqual([peer])
      }),
    )

    it('may come with the request, or byte by byte', () =>
      withHttp('127.0.0.1', async (client, { httpUrl }) => {
        client.send(Buffer.concat([header(CLIENT), Buffer.from(`GET ${target} HTTP/1.0\r\n\r\n`)]))
        expect(decode((await client.receive()).body)).toMatchObject({ 'external ip': '\xc6\x33\x64\x07' })
        const slow = await HttpClient.open(httpUrl, '127.0.0.1')
        for (const byte of Buffer.concat([header(CLIENT), Buffer.from(`GET ${target}`)])) {
          slow.send(Buffer.from([byte]))
          await sleep(1)
        }
        slow.send(' HTTP/1.0\r\n\r\n')
        expect(decode((await slow.receive()).body)).toMatchObject({ 'external ip': '\xc6\x33\x64\x07' })
      }))

    it('is refused and counted where no proxy sent it', () =>
      withHttp('127.0.0.2', async (client, tracker) => {
        client.send(Buffer.concat([header(CLIENT), Buffer.from(`GET ${target} HTTP/1.0\r\n\r\n`)]))
        expect((await client.receive()).status).toBe(400)
        await client.closed
        expect(await refused(tracker)).toEqual({ untrusted: 1, broken: 0, silent: 0 })
        expect(await stored()).toEqual([])
      }))

    it('may tell of another proxy, which tells the client by X-Forwarded-For', () =>
      withHttp('127.0.0.1', async (client) => {
        client.send(header({ address: '10.1.2.3', port: 1 }))
        const answer = await client.get(target, { 'x-forwarded-for': '203.0.113.1, 198.51.100.7' })
        expect(decode(answer.body)).toMatchObject({ 'external ip': '\xc6\x33\x64\x07' })
      }))
  })

  it.each(SILENT)('fails an announce whose proxy says $says, but answers a look at its health', ({ header }) =>
    withHttp('127.0.0.1', async (client) => {
      if (header.length > 0) client.send(header)
      expect(decode((await client.get(target)).body)).toEqual({
        'failure reason': expect.stringContaining('PROXY protocol'),
      })
      expect((await client.get('/health_check')).status).toBe(200)
      expect(await stored()).toEqual([])
    }),
  )

  it('ends a connection whose header is broken, and counts it', () =>
    withHttp('127.0.0.1', async (client, tracker) => {
      const fromMs = performance.now()
      client.send('PROXY TCP4 nobody\r\nGET / HTTP/1.0\r\n\r\n')
      await client.closed
      // As one that is silent, it would be closed later.
      expect(performance.now() - fromMs).toBeLessThan(1500)
      expect(await refused(tracker)).toEqual({ untrusted: 0, broken: 1, silent: 0 })
    }))

  it.each(['', 'PROXY TCP4'])(
    'ends a connection that ends before its header does, and keeps no place for it: %j',
    (text) =>
      withHttp('127.0.0.1', async (client) => {
        client.send(text)
        const fromMs = performance.now()
        client.end()
        await client.closed
        expect(performance.now() - fromMs).toBeLessThan(1500)
      }),
  )

  it.each(['PROXY TCP4', headerV1(CLIENT).toString()])(
    'keeps no stop waiting for what does not come after %j',
    (text) =>
      withHttp('127.0.0.1', async (client, tracker) => {
        client.send(text)
        await sleep(50)
        const fromMs = performance.now()
        expect(await tracker.stop()).toEqual([])
        await client.closed
        expect(performance.now() - fromMs).toBeLessThan(1500)
      }),
  )

  it('is waited for, with its request, by a stop that comes just after its connection', () =>
    withHttp('127.0.0.1', async (client, tracker) => {
      const problems = tracker.stop()
      await sleep(50)
      client.send(headerV1(CLIENT))
      expect(decode((await client.get(target)).body)).toMatchObject({ 'external ip': '\xc6\x33\x64\x07' })
      expect(await problems).toEqual([])
    }))

  it('asks nothing of who comes from elsewhere', () =>
    withHttp('127.0.0.2', async (client) => {
      const scrape = `/scrape?info_hash=${encodeBytes(hashOf('a'))}`
      expect(decode((await client.get(scrape)).body)).toHaveProperty('files')
    }))
})
