import { describe, expect, it } from 'vitest'
import { call } from '../support/api.ts'
import { HttpClient } from '../support/http-client.ts'
import { useRedis } from '../support/redis.ts'
import { type TestTracker, TOKEN, withTracker } from '../support/tracker.ts'

const server = useRedis()
const withApi = (test: (tracker: TestTracker) => Promise<void>) => withTracker(server().url, { roles: ['api'] }, test)

/** The headers of an answer, however long it goes on; with the token, which a URL has here. */
async function headersOf(url: string, method = 'GET', headers: Record<string, string> = {}) {
  const stop = new AbortController()
  const answer = await fetch(url, { method, headers, signal: stop.signal })
  stop.abort()
  return { status: answer.status, headers: answer.headers }
}

/** All that the API answers a GET on, by its own document, with what fits in the place of a parameter. */
async function pathsOf({ apiUrl }: TestTracker): Promise<string[]> {
  const { paths } = JSON.parse((await call(`${apiUrl}/api/openapi.json`)).text) as { paths: Record<string, object> }
  return Object.entries(paths).flatMap(([path, methods]) =>
    'get' in methods ? [path.replace(/\{\w+\}/, 'a'.repeat(40))] : [],
  )
}

const KEPT_BY_NONE = [
  ...['/api/v1/torrent/zz', '/api/v1/nothing', '/nothing', '/api/v1/%zz', '/api/openapi.json'],
  '/api/v2/torrents?limit=0',
]
const FILES = ['/', '/page/app.js', '/api/docs', '/api/docs/static/index.css', '/api/docs/static/nothing.js']

describe('the headers of the API`s answers', () => {
  it('let no browser keep, show in a page of another, guess the type or tell the URL of what is answered', () =>
    withApi(async (tracker) => {
      const { apiUrl, healthUrl, metricsUrl } = tracker
      const paths = await pathsOf(tracker)
      expect(paths.length).toBeGreaterThan(15)
      const withToken = [...paths, ...KEPT_BY_NONE, ...FILES].map((path) => [
        `${apiUrl}${path}${path.includes('?') ? '&' : '?'}token=${TOKEN}`,
      ])
      const without = [...paths, '/api/v1/stats?token=wrong'].map((path) => [apiUrl + path])
      const others = [
        ...['/health_check', '/', '/nothing'].map((path) => [healthUrl + path]),
        ...['/metrics', '/health/live', '/health/ready', '/nothing'].map((path) => [metricsUrl + path]),
      ]
      const kept = new Set(FILES)
      for (const [url = ''] of [...withToken, ...without, ...others]) {
        const { headers } = await headersOf(url)
        const path = new URL(url).pathname
        expect(headers.get('x-content-type-options'), url).toBe('nosniff')
        expect(headers.get('referrer-policy'), url).toBe('no-referrer')
        expect(headers.get('content-security-policy'), url).toContain("default-src 'none'")
        expect(headers.get('content-security-policy'), url).toContain("frame-ancestors 'none'")
        if (!kept.has(path)) expect(headers.get('cache-control'), url).toBe('no-store')
        for (const name of ['set-cookie', 'server', 'x-powered-by'])
          expect(headers.get(name), `${url} ${name}`).toBeNull()
        expect(headers.get('content-type'), url).not.toBeNull()
      }
    }))

  it('give no other site a right to read them, whatever its browser asks', () =>
    withApi(async (tracker) => {
      const origin = {
        origin: 'https://elsewhere.example',
        'access-control-request-method': 'GET',
        'access-control-request-headers': 'authorization',
      }
      const paths = [...(await pathsOf(tracker)), '/', '/api/docs', '/nothing']
      for (const path of paths) {
        for (const method of ['GET', 'HEAD', 'OPTIONS']) {
          const { status, headers } = await headersOf(`${tracker.apiUrl}${path}?token=${TOKEN}`, method, origin)
          const granted = [...headers.keys()].filter((name) => name.startsWith('access-control-'))
          expect(granted, `${method} ${path}`).toEqual([])
          if (method === 'OPTIONS') expect([404, 405], path).toContain(status)
          if (method === 'OPTIONS' && status === 405) expect(headers.get('allow'), path).toContain('GET')
        }
      }
    }))

  it('are those of a GET where HEAD is asked, with nothing after them', () =>
    withApi(async ({ apiUrl }) => {
      const client = await HttpClient.open(apiUrl)
      const authorization = { authorization: `Bearer ${TOKEN}` }
      for (const path of ['/api/v1/stats', '/api/v1/torrents', '/api/health_check', '/', '/api/docs']) {
        const [head, whole] = [
          await client.request('HEAD', path, authorization),
          await client.request('GET', path, authorization),
        ]
        const told = ({ date: _, ...headers }: Record<string, string>) => headers
        expect([head.status, told(head.headers)], path).toEqual([whole.status, told(whole.headers)])
      }
      client.close()
    }))
})
