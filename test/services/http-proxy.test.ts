import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { encodeBytes } from '../../lib/wire/query.ts'
import {
  announce,
  announceTarget,
  type Changes,
  decode,
  get,
  type Headers,
  HttpClient,
} from '../support/http-client.ts'
import { startRedis, type TestRedis, until, useRedis } from '../support/redis.ts'
import { hashOf } from '../support/store.ts'
import { type TestTracker, withTracker } from '../support/tracker.ts'

const A_HASH = encodeBytes(hashOf('a'))
const bencoded = (reason: string) => `d14:failure reason${reason.length}:${reason}e`

describe('the HTTP tracker behind a proxy', () => {
  const server = useRedis()
  const withProxy = <T>(trusted: string, test: (tracker: TestTracker) => Promise<T>, listen = '127.0.0.1:0') =>
    withTracker(
      server().url,
      { roles: ['http'], settings: { REDSWARM_TRUSTED_PROXIES: trusted, REDSWARM_HTTP_LISTEN: listen } },
      test,
    )
  /** Announces through a proxy at 127.0.0.1 that says this of the client. */
  const forwarded = (url: string, hops: string, changes: Changes = {}) =>
    announce(url, changes, undefined, { 'x-forwarded-for': hops })
  /** The addresses that are stored. */
  const stored = async () => {
    const fields = await server().redis.hkeysBuffer(`swarm:{a00}:${hashOf('a').toString('hex')}`)
    return fields.filter(({ length }) => length === 6).map((field) => field.subarray(0, 4).join('.'))
  }

  it.each<[string, string, string]>([
    ['the address that the proxy saw', '127.0.0.1', '198.51.100.7'],
    ['the right-most one of many', '127.0.0.1', '203.0.113.1, 203.0.113.2,198.51.100.7'],
    [
      'the right-most one behind a chain of proxies',
      '127.0.0.1,10.0.0.0/8',
      '203.0.113.1, 198.51.100.7, 10.1.2.3, 10.4.5.6',
    ],
    ['one before a private one that is not trusted', '127.0.0.0/8', '10.1.2.3, 198.51.100.7'],
    ['one that rubbish stands before', '127.0.0.1', "garbage, 1' OR 1=1, 198.51.100.7"],
    ['one with an IPv4-mapped address', '127.0.0.1', '::ffff:198.51.100.7'],
    ['one behind a proxy that is told with a zone', '127.0.0.1,fe80::/10', '198.51.100.7, fe80::1%br_0'],
    [
      'one behind a proxy that is named by its IPv4-mapped address',
      '127.0.0.1,10.1.2.3',
      '198.51.100.7, ::ffff:10.1.2.3',
    ],
  ])('takes the client for %s', (_name, trusted, hops) =>
    withProxy(trusted, async ({ httpUrl }) => {
      expect((await forwarded(httpUrl, hops))['external ip']).toBe('\xc6\x33\x64\x07')
      expect(await stored()).toEqual(['198.51.100.7'])
    }),
  )

  it('reads several headers as one', () =>
    withProxy('127.0.0.1', async ({ httpUrl }) => {
      await announce(httpUrl, {}, undefined, { 'X-Forwarded-For': '203.0.113.1', 'x-forwarded-for': '198.51.100.7' })
      expect(await stored()).toEqual(['198.51.100.7'])
    }))

  it.each<Headers>(
    [
      {},
      ...[
        '',
        ',',
        'garbage',
        'unknown',
        '198.51.100.7,',
        '198.51.100.7, garbage',
        '198.51.100.7:80',
        '1.2.3',
        '256.1.1.1',
      ],
      ...['127.0.0.1', '::ffff:127.0.0.1', '10.1.2.3, 127.0.0.1'],
    ].map((hops) => (typeof hops === 'string' ? { 'x-forwarded-for': hops } : hops)),
  )('fails where a trusted proxy says %j, and stores nothing', (headers) =>
    withProxy('127.0.0.1,10.0.0.0/8', async ({ httpUrl }) => {
      const failure = { 'failure reason': expect.stringContaining('X-Forwarded-For') }
      expect(await announce(httpUrl, {}, undefined, headers)).toEqual(failure)
      expect(decode((await get(`${httpUrl}/scrape?info_hash=${A_HASH}`, headers)).body)).toEqual(failure)
      expect(await stored()).toEqual([])
    }),
  )

  it('ignores the header of anybody else', () =>
    withProxy('127.0.0.1', async ({ httpUrl }) => {
      await announce(httpUrl, {}, '127.0.0.2', { 'x-forwarded-for': '198.51.100.7' })
      expect(await stored()).toEqual(['127.0.0.2'])
    }))

  it('ignores the header where no proxy is trusted', () =>
    withProxy('', async ({ httpUrl }) => {
      await forwarded(httpUrl, '198.51.100.7')
      expect(await stored()).toEqual(['127.0.0.1'])
    }))

  it('knows clients by their IPv6 address, whatever the family of the proxy', () =>
    withProxy(
      '127.0.0.1,::1/128',
      async ({ http: [v4, v6] }) => {
        const urls = [`http://127.0.0.1:${v4?.port}`, `http://[::1]:${v6?.port}`] as const
        const address = Buffer.from('20010db8000000000000000000000007', 'hex').toString('latin1')
        const first = await forwarded(urls[0], '203.0.113.1, 2001:DB8::7', { left: 0, port: 258 })
        expect(first['external ip']).toBe(address)
        const second = await forwarded(urls[1], '2001:db8::8')
        expect([second.peers, second.peers6]).toEqual(['', `${address}\x01\x02`])
        expect((await forwarded(urls[1], '198.51.100.7'))['external ip']).toBe('\xc6\x33\x64\x07')
      },
      '127.0.0.1:0,[::1]:0',
    ))
})

/** Runs a test against a tracker with a Redis of its own, which the test may take away. */
async function withOwnRedis(test: (tracker: TestTracker, redis: TestRedis) => Promise<void>): Promise<void> {
  const redis = await startRedis()
  try {
    await withTracker(redis.url, { roles: ['http'] }, (tracker) => test(tracker, redis))
  } finally {
    await redis.stop()
  }
}

describe('the HTTP tracker as a server', () => {
  const server = useRedis()
  const withHttp = <T>(test: (tracker: TestTracker) => Promise<T>) =>
    withTracker(server().url, { roles: ['http'] }, test)

  it('answers an HTTP/1.0 client, and ends its connection', () =>
    withHttp(async ({ httpUrl }) => {
      const client = await HttpClient.open(httpUrl)
      client.send(`GET ${announceTarget()} HTTP/1.0\r\n\r\n`)
      expect(decode((await client.receive()).body)).toMatchObject({ incomplete: 1 })
      await client.closed
    }))

  it('refuses what is too long or no HTTP, says 404 in text elsewhere, and goes on serving', () =>
    withHttp(async ({ httpUrl }) => {
      const long = await get(httpUrl + announceTarget({ padding: 'a'.repeat(8192) }))
      expect([long.status, long.body.toString()]).toEqual([414, bencoded('the request is too long')])
      expect((await get(httpUrl + announceTarget(), { padding: 'a'.repeat(20_480) })).status).toBe(431)
      const client = await HttpClient.open(httpUrl)
      client.send('\0\x01garbage\r\n\r\n')
      expect((await client.receive()).status).toBe(400)
      await client.closed
      const elsewhere = await get(`${httpUrl}/somewhere/else`)
      expect([elsewhere.status, elsewhere.headers['content-type']]).toEqual([404, 'text/plain'])
      expect(elsewhere.body.toString()).toContain('/announce')
      expect(await server().redis.keys('swarm:*')).toEqual([])
      expect(await announce(httpUrl)).toMatchObject({ incomplete: 1 })
    }))

  it('knows a client of IPv4 by its own address on a socket of IPv6', () =>
    withTracker(
      server().url,
      { roles: ['http'], settings: { REDSWARM_HTTP_LISTEN: '[::ffff:127.0.0.1]:0' } },
      async ({ httpUrl }) => {
        expect(await announce(httpUrl, { left: 0 })).toMatchObject({ 'external ip': '\x7f\0\0\x01' })
        const leecher = await announce(httpUrl, {}, '127.0.0.2')
        expect([leecher.peers, leecher.peers6]).toEqual(['\x7f\0\0\x01\x1a\xe1', undefined])
      },
    ))

  it('fails at once without Redis, asks to retry, and serves within a second of its return', () =>
    withOwnRedis(async ({ httpUrl }, { process, redis, stop }) => {
      const health = async () => (await get(`${httpUrl}/health_check`)).status
      expect(await health()).toBe(200)
      process.kill('SIGKILL')
      await until('the loss to be seen', async () => (await health()) === 503)
      const reason = 'tracker is temporarily unavailable (its store is away), try again later'
      const failure = { 'failure reason': reason, 'retry in': expect.toBeOneOf([1, 2, 3, 4, 5]) }
      const askedMs = performance.now()
      expect(await announce(httpUrl)).toEqual(failure)
      expect(decode((await get(`${httpUrl}/scrape?info_hash=${A_HASH}`)).body)).toEqual(failure)
      expect(performance.now() - askedMs).toBeLessThan(500)
      const again = spawn(process.spawnfile, process.spawnargs.slice(1), { stdio: 'ignore' })
      try {
        await redis.ping()
        const backMs = performance.now()
        await until('service', async () => 'complete' in (await announce(httpUrl)))
        await until('health', async () => (await health()) === 200)
        expect(performance.now() - backMs).toBeLessThan(1000)
      } finally {
        again.kill('SIGKILL')
        await stop()
      }
    }))

  it('fails in time where Redis does not answer', () =>
    withOwnRedis(async ({ httpUrl }, { process }) => {
      process.kill('SIGSTOP')
      const askedMs = performance.now()
      expect(await announce(httpUrl)).toMatchObject({ 'failure reason': expect.stringContaining('is slow') })
      expect(performance.now() - askedMs).toBeLessThan(2500)
      process.kill('SIGCONT')
      expect(await announce(httpUrl)).toMatchObject({ incomplete: 1 })
    }))

  it('stops soon, but answers what is in flight', () =>
    withHttp(async (tracker) => {
      const [busy, kept] = await Promise.all([HttpClient.open(tracker.httpUrl), HttpClient.open(tracker.httpUrl)])
      await kept.get('/health_check')
      await server().redis.client('PAUSE', 500)
      const answer = busy.get(announceTarget())
      await sleep(100)
      const stoppedMs = performance.now()
      const problems = tracker.stop()
      expect(decode((await answer).body)).toMatchObject({ incomplete: 1 })
      expect(await problems).toEqual([])
      expect(performance.now() - stoppedMs).toBeLessThan(1500)
      await Promise.all([busy.closed, kept.closed])
      await expect(announce(tracker.httpUrl)).rejects.toThrow('ECONNREFUSED')
    }))

  it('stops soon though a client says nothing, and in time though one does not come to its end', () =>
    withHttp(async (tracker) => {
      const silent = await HttpClient.open(tracker.httpUrl)
      const slow = await HttpClient.open(tracker.httpUrl)
      slow.send('GET /announce')
      await sleep(100)
      const stoppedMs = performance.now()
      const problems = tracker.stop()
      await silent.closed
      expect(performance.now() - stoppedMs).toBeLessThan(1500)
      expect(await problems).toEqual([])
      await slow.closed
    }))
})
