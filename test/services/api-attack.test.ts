import { spawn } from 'node:child_process'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { makeKeys } from '../../lib/store/keys.ts'
import { makeHealthApp } from '../../services/health/app.ts'
import { call, errorIn } from '../support/api.ts'
import { killAtExit } from '../support/at-exit.ts'
import { HttpClient, type HttpResponse } from '../support/http-client.ts'
import { startRedis, until, useRedis } from '../support/redis.ts'
import { announceOf, hashOf, storeOn } from '../support/store.ts'
import { type TestTracker, TOKEN, withTracker } from '../support/tracker.ts'

const AUTHORIZATION = `authorization: Bearer ${TOKEN}\r\n`

/** An answer's status, code and message; fails where it is no error of the one shape that there is. */
function toldBy({ status, headers, body }: HttpResponse) {
  expect(headers['content-type']).toBe('application/json; charset=utf-8')
  const json = JSON.parse(body.toString())
  expect(json).toEqual({ error: { code: expect.any(String), message: expect.any(String) } })
  return { status, ...(json.error as { code: string; message: string }) }
}

/** Sends bytes on a connection of their own, and reads the one answer. */
async function answerTo(url: string, bytes: string): Promise<HttpResponse> {
  const client = await HttpClient.open(url)
  try {
    client.send(bytes)
    return await client.receive()
  } finally {
    client.close()
  }
}

/** A connection on which everything that comes is kept. */
function openSocket(url: string): { socket: Socket; text: () => string } {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  let text = ''
  socket.on('error', () => {})
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1')
  })
  return { socket, text: () => text }
}

describe('the API and the health service, under attack', () => {
  const server = useRedis()
  const withApi = <T>(test: (tracker: TestTracker) => Promise<T>) => withTracker(server().url, { roles: ['api'] }, test)
  const withBoth = (test: (url: string) => Promise<void>) =>
    withApi(async ({ apiUrl, healthUrl }) => {
      await test(apiUrl)
      await test(healthUrl)
    })

  it.each<[string, string, number, string]>([
    ['no HTTP', 'HELLO\r\n\r\n', 400, 'bad_request'],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400, 'bad_request'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'bad_request'],
    ['an unknown method', 'FOO / HTTP/1.1\r\nhost: x\r\n\r\n', 400, 'bad_request'],
    ['two lengths', 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\n', 400, 'bad_request'],
    ['a header too long', `GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, 431, 'headers_too_large'],
    ['a request without Host', 'GET /api/health_check HTTP/1.1\r\n\r\n', 400, 'bad_request'],
    ['CONNECT', 'CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n', 405, 'method_not_allowed'],
  ])('answer %s in JSON', (_name, bytes, status, code) =>
    withBoth(async (url) => {
      expect(toldBy(await answerTo(url, bytes))).toMatchObject({ status, code })
    }),
  )

  it('pass over an expectation, and serve HTTP/1.0 without Host', () =>
    withApi(async ({ apiUrl, healthUrl }) => {
      for (const target of [`${apiUrl}/api/health_check`, `${healthUrl}/health_check`]) {
        const { origin, pathname } = new URL(target)
        const expecting = await answerTo(origin, `GET ${pathname} HTTP/1.1\r\nhost: x\r\nexpect: much\r\n\r\n`)
        expect(expecting.status).toBe(200)
        expect((await answerTo(origin, `GET ${pathname} HTTP/1.0\r\n\r\n`)).status).toBe(200)
      }
    }))

  it('answer 408 to a request whose head or body comes too slowly, within 12 s', { timeout: 20_000 }, () =>
    withApi(async ({ apiUrl, healthUrl }) => {
      const head = `POST /api/v1/keys HTTP/1.1\r\nhost: x\r\n${AUTHORIZATION}content-type: application/json\r\n`
      const startMs = performance.now()
      const answers = await Promise.all([
        answerTo(apiUrl, 'GET /api/v1/stats HTTP/1.1\r\nhost:'),
        answerTo(apiUrl, `${head}content-length: 10\r\n\r\n{`),
        answerTo(apiUrl, `${head}transfer-encoding: chunked\r\n\r\n1\r\n{\r\n`),
        answerTo(apiUrl, ''),
        answerTo(healthUrl, 'GET /health_check HTTP/1.1\r\nhost:'),
      ])
      const message = 'the request took too long to arrive'
      for (const each of answers) expect(toldBy(each)).toEqual({ status: 408, code: 'request_timeout', message })
      expect(performance.now() - startMs).toBeLessThan(13_000)
      expect(await server().redis.exists('keys')).toBe(0)
    }),
  )

  it('serve 16 requests of a connection at once, and refuse what a client sends on top, unread', () =>
    withApi(async ({ apiUrl }) => {
      const client = await HttpClient.open(apiUrl)
      client.send('GET /api/openapi.json HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(1000))
      const answers = await Promise.all(Array.from({ length: 1000 }, () => client.receive()))
      const refused = answers.filter(({ status }) => status !== 200)
      expect(refused.length).toBeGreaterThan(100)
      for (const each of refused) expect(toldBy(each)).toMatchObject({ status: 503, code: 'busy' })
      expect(toldBy(await client.get('/api/v1/stats'))).toMatchObject({ status: 401 })
      client.close()
    }))

  it('keep little for clients that send on and on, and read nothing', () =>
    withApi(async ({ apiUrl }) => {
      const requests = 'GET /api/openapi.json HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(1400)
      const before = process.memoryUsage.rss()
      const sockets = Array.from({ length: 10 }, () => {
        const { socket } = openSocket(apiUrl)
        socket.pause()
        socket.write(requests)
        return socket
      })
      await sleep(3000)
      expect(process.memoryUsage.rss() - before).toBeLessThan(150_000_000)
      for (const socket of sockets) socket.destroy()
    }))

  it('disconnect clients that take nothing of an answer for a minute', async () => {
    const app = makeHealthApp(async () => [])
    expect(app.server.timeout).toBe(60_000)
    await app.close()
  })

  it('write no error into the middle of an answer', () =>
    withApi(async ({ apiUrl }) => {
      const { socket, text } = openSocket(apiUrl)
      socket.write(`GET /api/v2/events HTTP/1.1\r\nhost: x\r\n${AUTHORIZATION}\r\n`)
      await until('the stream to begin', () => text().includes('retry: 2000'))
      socket.write('no HTTP\r\n\r\n')
      await until('the end', () => socket.closed)
      expect(text().match(/HTTP\/1\.1/g)).toHaveLength(1)
    }))

  it.each<[string, string, string]>([
    ['lists in lists', `${'['.repeat(30_000)}${']'.repeat(30_000)}`, 'the body must be a JSON object'],
    ['a key of lists in lists', `{"key":${'['.repeat(30_000)}${']'.repeat(30_000)}}`, 'key must be text or null'],
    ['objects in objects', `${'{"key":'.repeat(7000)}1${'}'.repeat(7000)}`, 'key must be text or null'],
    ['a number that is too large', '{"seconds_valid":1e400}', 'seconds_valid must be an integer from 1 to 10000000000'],
  ])('name the field where a body is %s', (_name, body, message) =>
    withApi(async ({ apiUrl }) => {
      const headers = { 'content-type': 'application/json' }
      const error = errorIn(await call(`${apiUrl}/api/v1/keys`, { method: 'POST', headers, body }))
      expect(error).toMatchObject({ status: 422, code: 'unprocessable' })
      expect(error.message).toContain(message)
      expect(error.message).not.toContain('not null')
    }),
  )

  it('say of two tokens that there must be one, and of a path out of the docs that there is nothing', () =>
    withApi(async ({ apiUrl }) => {
      const twice = await call(`${apiUrl}/api/v1/stats?token=${TOKEN}&token=${TOKEN}`, { token: '' })
      expect(errorIn(twice)).toEqual({ status: 401, code: 'unauthorized', message: 'token must be given once' })
      const outside = await answerTo(apiUrl, 'GET /api/docs/static/../../../x HTTP/1.1\r\nhost: x\r\n\r\n')
      expect(toldBy(outside)).toMatchObject({ status: 404, code: 'not_found' })
    }))

  it('leave bodies that nobody asked for unread, whatever their length', () =>
    withApi(async ({ apiUrl }) => {
      const { socket, text } = openSocket(apiUrl)
      socket.write(`POST /api/v1/whitelist/${'a'.repeat(40)} HTTP/1.1\r\nhost: x\r\n${AUTHORIZATION}`)
      socket.write('content-length: 99999999999\r\n\r\n')
      await until('the answer', () => text().includes('{"status":"ok"}'))
      const before = process.memoryUsage.rss()
      for (let i = 0; i < 300 && !socket.destroyed; i++) {
        if (!socket.write(Buffer.alloc(2 ** 20))) await sleep(5)
      }
      expect(process.memoryUsage.rss() - before).toBeLessThan(400_000_000)
      socket.destroy()
    }))
})

describe('the streams of the API, under attack', () => {
  const server = useRedis()
  const keys = makeKeys('')
  const hex = hashOf('a').toString('hex')
  const ask = (apiUrl: string, path: string) => {
    const opened = openSocket(apiUrl)
    opened.socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n${AUTHORIZATION}\r\n`)
    return opened
  }
  const timers = () => process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length

  it('keep nothing of readers that go while Redis hangs', () =>
    withTracker(server().url, { roles: ['api'] }, async ({ apiUrl }) => {
      const first = ask(apiUrl, '/api/v2/events')
      await until('a reader to be there', () => first.text().includes('retry: 2000'))
      const before = timers()
      await server().redis.call('CLIENT', 'PAUSE', '700', 'ALL')
      const readers = Array.from({ length: 40 }, () => ask(apiUrl, '/api/v2/events'))
      await sleep(300)
      for (const { socket } of readers) socket.destroy()
      await server().redis.ping()
      await sleep(300)
      expect(timers() - before).toBeLessThan(10)
      first.socket.destroy()
    }))

  it('tell a slow reader of a gap where what it is still to be sent has gone', () =>
    withTracker(server().url, { roles: ['api'] }, async ({ apiUrl }) => {
      const { redis } = server()
      const add = async (count: number, event: string) => {
        const steps = redis.pipeline()
        for (let i = 0; i < count; i++) steps.xadd(keys.events, '*', 'event', event, 'info_hash', hex)
        await steps.exec()
      }
      // More than the system's own buffers have room for.
      for (let i = 0; i < 50; i++) await add(3000, 'added')
      const slow = ask(apiUrl, '/api/v2/events?after=0-0')
      slow.socket.pause()
      const reads = async () => Number(/cmdstat_xrange:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0)
      for (let [last, now] = [-1, 0]; now !== last; [last, now] = [now, await reads()]) await sleep(300)
      await redis.xtrim(keys.events, 'MAXLEN', 10)
      await add(1, 'evicted')
      slow.socket.resume()
      await until('the last to come', () => slow.text().includes('event: evicted'), 10_000)
      expect(slow.text().match(/event: gap/g)).toHaveLength(1)
      expect(slow.text().indexOf('event: gap')).toBeGreaterThan(1_000_000)
      slow.socket.destroy()
    }))

  it('break an export off where Redis goes, and serve again, readers of events too, when it is back', async () => {
    const redis = await startRedis()
    const { spawnfile, spawnargs } = redis.process
    try {
      await withTracker(redis.url, { roles: ['api'] }, async ({ apiUrl }) => {
        const torrents = Array.from({ length: 50_000 }, (_, i) =>
          announceOf({ infoHash: hashOf(i.toString(16).padStart(6, '0')) }),
        )
        for (let at = 0; at < torrents.length; at += 5000)
          await storeOn(redis.redis).announce(torrents.slice(at, at + 5000))
        const events = ask(apiUrl, '/api/v2/events')
        const exports = [ask(apiUrl, '/api/v2/export'), ask(apiUrl, '/api/v2/export')]
        await until('both to begin', () => exports.every(({ text }) => text().length > 10_000))
        redis.process.kill('SIGKILL')
        await until('both to end', () => exports.every(({ socket }) => socket.closed), 10_000)
        for (const { text } of exports) {
          expect(text()).toMatch(/^HTTP\/1\.1 200 /)
          expect(text().endsWith('\r\n0\r\n\r\n')).toBe(false)
        }
        const away = errorIn(await call(`${apiUrl}/api/v2/export`))
        expect(away).toMatchObject({ status: 503, code: 'store_unavailable' })
        const again = spawn(spawnfile, spawnargs.slice(1), { stdio: 'ignore' })
        killAtExit(again)
        await until('the API to serve', async () => (await call(`${apiUrl}/api/v2/export`)).status === 200, 10_000)
        await until('the event to come', async () => {
          await redis.redis.xadd(keys.events, '*', 'event', 'added', 'info_hash', hex)
          return events.text().includes('event: added')
        })
        expect((await call(`${apiUrl}/api/v2/export`)).status).toBe(200)
        events.socket.destroy()
        again.kill('SIGKILL')
      })
    } finally {
      await redis.stop()
    }
  }, 30_000)
})
