import { Writable } from 'node:stream'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { OperatorError } from '../../lib/errors.ts'
import { allTokens } from '../../services/api/token.ts'
import { call, errorIn } from '../support/api.ts'
import { HttpClient } from '../support/http-client.ts'
import { startRedis, until, useRedis } from '../support/redis.ts'
import { type TestTracker, TOKEN, withTracker } from '../support/tracker.ts'

const HASH = 'a'.repeat(40)
const KEY = 'YZSl4lMZupRuOpSRC3krIKR5BPB14nrJ'
const READ = 'a-token-that-reads'
const ADMIN = 'a-token:that-writes'
const SETTINGS = { REDSWARM_API_TOKENS: `grafana:read:${READ}, ops:admin:${ADMIN}` }

const READS = [
  '/api/v1/stats',
  '/api/v1/metrics',
  '/api/v1/torrents',
  '/api/v1/whitelist/reload',
  '/api/v1/keys/reload',
].map((path): [string, string] => ['GET', path])
const WRITES: [string, string][] = [
  ['POST', `/api/v1/whitelist/${HASH}`],
  ['DELETE', `/api/v1/whitelist/${HASH}`],
  ['POST', '/api/v1/keys'],
  ['POST', '/api/v1/key/60'],
  ['DELETE', `/api/v1/key/${KEY}`],
]

describe('the tokens of the API', () => {
  const server = useRedis()
  const withApi = <T>(test: (tracker: TestTracker) => Promise<T>, settings: Record<string, string> = SETTINGS) =>
    withTracker(server().url, { roles: ['api'], settings }, test)

  it('of readers read, and change nothing', () =>
    withApi(async ({ apiUrl }) => {
      for (const [method, path] of READS) expect((await call(apiUrl + path, { method, token: READ })).status).toBe(200)
      for (const [method, path] of WRITES) {
        const error = errorIn(await call(apiUrl + path, { method, token: READ, body: '{' }))
        expect(error).toEqual({ status: 403, code: 'forbidden', message: 'the token grafana may only read' })
        const byQuery = errorIn(await call(`${apiUrl}${path}?token=${READ}`, { method, token: '' }))
        expect(byQuery.status).toBe(403)
      }
      expect(await server().redis.exists('keys', 'whitelist:{aaa}')).toBe(0)
    }))

  it('of readers get 403 in all that the document of the API says changes something, and for passkeys', () =>
    withApi(async ({ apiUrl }) => {
      const { paths } = JSON.parse((await call(`${apiUrl}/api/openapi.json`)).text) as { paths: Record<string, object> }
      const operations = Object.entries(paths).flatMap(([path, methods]) =>
        Object.keys(methods).map((method) => [method.toUpperCase(), path] as const),
      )
      const writes = operations.filter(([method, path]) => method !== 'GET' || /^\/api\/v2\/(keys|accounts)/.test(path))
      expect(writes).toHaveLength(15)
      for (const [method, path] of writes) {
        const answer = await call(apiUrl + path.replace(/\{\w+\}/, 'x'), { method, token: READ })
        expect(errorIn(answer), `${method} ${path}`).toMatchObject({ status: 403, code: 'forbidden' })
      }
      expect((await call(`${apiUrl}/api/v2/keys`, { token: ADMIN })).status).toBe(200)
    }))

  it.each([TOKEN, ADMIN])('of admins do all: %s', (token) =>
    withApi(async ({ apiUrl }) => {
      const keys = async () => server().redis.hlen('keys')
      for (const [method, path] of READS) expect((await call(apiUrl + path, { method, token })).status).toBe(200)
      expect((await call(`${apiUrl}/api/v1/keys`, { method: 'POST', token, json: { key: KEY } })).status).toBe(200)
      expect(await keys()).toBe(1)
      expect((await call(`${apiUrl}/api/v1/key/${KEY}?token=${token}`, { method: 'DELETE', token: '' })).status).toBe(
        200,
      )
      expect(await keys()).toBe(0)
    }),
  )

  it('are asked for by every path but the health check, and before anything is read', () =>
    withApi(async ({ apiUrl }) => {
      for (const [method, path] of [...READS, ...WRITES, ['GET', '/api/v1/torrent/zz'] as const]) {
        for (const token of ['', 'wrong', `${READ}x`, READ.slice(1)]) {
          const error = errorIn(await call(apiUrl + path, { method, token, ...(method === 'POST' && { body: '{' }) }))
          expect(error).toMatchObject({ status: 401, code: 'unauthorized' })
        }
      }
      expect((await call(`${apiUrl}/api/health_check`, { token: '' })).text).toBe('{"status":"Ok"}')
    }))

  it('are told in the log by their names, and never themselves, nor passkeys', async () => {
    const lines: string[] = []
    const stream = new Writable({
      write(chunk, _, done) {
        lines.push(String(chunk))
        done()
      },
    })
    const log = pino({ level: 'trace' }, stream)
    await withTracker(server().url, { settings: SETTINGS, log }, async ({ apiUrl }) => {
      for (const token of [TOKEN, READ, ADMIN, 'a-token-of-nobody']) {
        for (const [method, path] of [...READS, ...WRITES]) {
          await call(`${apiUrl}${path}?token=${token}`, { method, token: '' })
          await call(apiUrl + path, { method, token })
        }
        await call(`${apiUrl}/api/v1/nothing?token=${token}`)
      }
      await server().redis.del('keys')
      await server().redis.set('keys', 'of the wrong type')
      const added = await call(`${apiUrl}/api/v1/keys`, { method: 'POST', json: { key: KEY } })
      expect(errorIn(added)).toMatchObject({ status: 500, code: 'store_error' })
      expect(added.text).not.toContain(KEY)
    })
    const text = lines.join('')
    for (const secret of [TOKEN, READ, ADMIN, 'nobody', KEY]) expect(text).not.toContain(secret)
    for (const name of ['default', 'grafana', 'ops']) expect(text).toContain(`"by":"${name}"`)
    expect(text).toContain('"route":"/api/v1/key/:seconds_valid_or_key"')
    expect(text).toContain('WRONGTYPE')
  })

  it('are all different: one that is kept in the data folder must not be a named one`s', () => {
    const own = { token: ADMIN, isNew: false, file: '/data/api-token' }
    const named = [{ name: 'ops', isAdmin: true, token: ADMIN }]
    expect(() => allTokens(own, named)).toThrow(OperatorError)
    expect(() => allTokens(own, named)).toThrow(/^REDSWARM_API_TOKENS: the token of ops is .*api-token/)
  })
})

describe('the errors of the API', () => {
  const server = useRedis()
  const withApi = <T>(test: (tracker: TestTracker) => Promise<T>) => withTracker(server().url, { roles: ['api'] }, test)

  it.each([
    ['PUT', '/api/v1/stats', 'GET, HEAD'],
    ['POST', '/api/v1/stats', 'GET, HEAD'],
    ['DELETE', '/api/v1/torrents', 'GET, HEAD'],
    ['POST', `/api/v1/torrent/${HASH}`, 'GET, HEAD'],
    ['GET', `/api/v1/whitelist/${HASH}`, 'DELETE, POST'],
    ['PUT', '/api/v1/whitelist/reload', 'DELETE, GET, HEAD, POST'],
    ['GET', '/api/v1/keys', 'POST'],
    ['PATCH', `/api/v1/key/${KEY}`, 'DELETE, POST'],
    ['POST', '/api/health_check', 'GET, HEAD'],
    ['OPTIONS', '/api/v1/keys/reload', 'GET, HEAD'],
  ])('are 405 for %s of %s, with the methods that there are', (method, path, allowed) =>
    withApi(async ({ apiUrl }) => {
      const answer = await call(apiUrl + path, { method, headers: { 'content-type': 'text/xml' } })
      expect(answer.headers.get('allow')).toBe(allowed)
      const message = `${path} takes ${allowed}, not ${method}`
      expect(errorIn(answer)).toEqual({ status: 405, code: 'method_not_allowed', message })
    }),
  )

  it.each([
    ['DELETE', '/api/v2/bans/10.0.0.0/8'],
    ['GET', `/api/v1/torrent/${HASH}/peers`],
    ['GET', '/api/v2/torrents/ranked/all'],
  ])('are 404 for %s of %s, which has a part more than there are', (method, path) =>
    withApi(async ({ apiUrl }) => {
      const answer = await call(apiUrl + path, { method, headers: { 'content-type': 'text/xml' } })
      expect(errorIn(answer)).toEqual({ status: 404, code: 'not_found', message: `there is no ${method} ${path}` })
    }),
  )

  it('are 503 in every path while Redis is away, and nothing is kept for later', async () => {
    const redis = await startRedis()
    try {
      await withTracker(redis.url, { roles: ['api'] }, async ({ apiUrl }) => {
        redis.process.kill('SIGKILL')
        const status = async (path: string) => (await call(apiUrl + path, { token: '' })).status
        await until('the loss to be seen', async () => (await status('/api/health_check')) === 503)
        // What needs no Redis is answered all the same.
        expect((await call(`${apiUrl}/api/v1/keys/reload`)).status).toBe(200)
        for (const [method, path] of [...READS, ...WRITES].filter(([, each]) => !each.endsWith('/reload'))) {
          const json = path === '/api/v1/keys' ? {} : undefined
          const error = errorIn(await call(apiUrl + path, { method, ...(json && { json }) }))
          expect(error, `${method} ${path}`).toMatchObject({ status: 503, code: 'store_unavailable' })
        }
      })
    } finally {
      await redis.stop()
    }
  })

  it('are 404 for a path that there is not, whatever the method, type or length', () =>
    withApi(async ({ apiUrl }) => {
      for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PROPFIND']) {
        const error = errorIn(
          await call(`${apiUrl}/api/v3?token=x`, { method, headers: { 'content-type': 'text/xml' } }),
        )
        expect(error).toEqual({ status: 404, code: 'not_found', message: `there is no ${method} /api/v3` })
      }
      const { message } = errorIn(await call(`${apiUrl}/${'x'.repeat(5000)}`))
      expect(message).toBe(`there is no GET /${'x'.repeat(79)}`)
    }))

  it.each<[string, number, string, string, RegExp]>([
    ['no JSON', 400, 'application/json', '{"key":', /^the body cannot be read: .+JSON/],
    ['nothing', 400, 'application/json', '', /^the body cannot be read: .+/],
    [
      'a key that would change what objects are',
      400,
      'application/json',
      '{"__proto__":{}}',
      /^the body cannot be read/,
    ],
    ['a form', 415, 'application/x-www-form-urlencoded', 'key=x', /^content-type must be application\/json, not "appl/],
    ['text', 415, 'text/plain', '{}', /^content-type must be application\/json, not "text\/plain/],
    ['too much', 413, 'application/json', `"${'x'.repeat(65_536)}"`, /^the body must not be longer than 65536 bytes$/],
  ])('are told where a body is %s: %i', (_name, status, type, body, message) =>
    withApi(async ({ apiUrl }) => {
      const answer = await call(`${apiUrl}/api/v1/keys`, { method: 'POST', headers: { 'content-type': type }, body })
      const error = errorIn(answer)
      expect(error.status).toBe(status)
      expect(error.message).toMatch(message)
      expect(await server().redis.exists('keys')).toBe(0)
    }),
  )

  it.each<[string, string, number, string]>([
    ['no HTTP', 'HELLO\r\n\r\n', 400, 'bad_request'],
    [
      'headers without an end',
      `GET /api/v1/stats HTTP/1.1\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`,
      431,
      'headers_too_large',
    ],
  ])('are JSON even where what came is %s', (_name, bytes, status, code) =>
    withApi(async ({ apiUrl }) => {
      const client = await HttpClient.open(apiUrl)
      client.send(bytes)
      const answer = await client.receive()
      expect([answer.status, JSON.parse(answer.body.toString()).error.code]).toEqual([status, code])
      await client.closed
    }),
  )
})
