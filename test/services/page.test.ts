import { readdirSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { errorIn } from '../support/api.ts'
import { get } from '../support/http-client.ts'
import { useRedis } from '../support/redis.ts'
import { withTracker } from '../support/tracker.ts'

const FOLDER = new URL('../../services/api/page/', import.meta.url)
/** All that a browser takes, compressed. */
const TRANSFER_BYTES_MAX = 60_000

const server = useRedis()
const withApi = (test: (apiUrl: string) => Promise<void>) =>
  withTracker(server().url, { roles: ['api'] }, ({ apiUrl }) => test(apiUrl))

/** Every file that the page leads to, with what it is: by links and scripts, then by imports. */
async function loadAll(
  apiUrl: string,
): Promise<Map<string, { type: string; text: string; headers: Record<string, string> }>> {
  const files = new Map()
  const waiting = ['/']
  for (const path of waiting) {
    const { status, headers, body } = await get(apiUrl + path)
    expect([path, status]).toEqual([path, 200])
    const text = body.toString()
    files.set(path, { type: headers['content-type'], text, headers })
    const found = [...text.matchAll(/\b(?:src|href)="(page\/[^"]+)"|^(?:import|\}).*\bfrom '(\.\/[^']+)'/gm)]
    for (const [, link, module] of found) {
      const next = new URL((link ?? module) as string, apiUrl + (link ? '/' : path)).pathname
      if (!waiting.includes(next)) waiting.push(next)
    }
  }
  return files
}

describe('the page of the dashboard', () => {
  it('loads without a token, from this server only, and is light', () =>
    withApi(async (apiUrl) => {
      const files = await loadAll(apiUrl)
      const own = readdirSync(FOLDER).filter((name) => /\.(js|css|svg)$/.test(name))
      const expected = ['/', ...[...own, 'preact.js', 'htm.js'].map((name) => `/page/${name}`)]
      expect([...files.keys()].sort()).toEqual(expected.sort())
      let bytes = 0
      for (const [path, { text }] of files) {
        const { headers, body } = await get(apiUrl + path, { 'accept-encoding': 'gzip' })
        expect([path, headers['content-encoding'], headers.vary]).toEqual([path, 'gzip', 'accept-encoding'])
        expect(gunzipSync(body).toString(), path).toBe(text)
        bytes += body.length
      }
      expect(bytes).toBeLessThan(TRANSFER_BYTES_MAX)
      for (const [path, { text }] of files) expect(text.match(/sourceMappingURL/), path).toBeNull()
    }))

  it('tells the browser what it may do, with every file', () =>
    withApi(async (apiUrl) => {
      for (const [path, { type, headers }] of await loadAll(apiUrl)) {
        const policy = headers['content-security-policy'] ?? ''
        for (const part of [
          "default-src 'none'",
          "script-src 'self'",
          "style-src 'self'",
          "connect-src 'self'",
          "base-uri 'none'",
          "form-action 'none'",
          "frame-ancestors 'none'",
        ]) {
          expect(policy.split('; '), path).toContain(part)
        }
        expect(policy, path).not.toMatch(/unsafe|https?:|\*|data:/)
        expect(headers, path).toMatchObject({
          'x-content-type-options': 'nosniff',
          'referrer-policy': 'no-referrer',
          'cross-origin-opener-policy': 'same-origin',
        })
        const extension = path === '/' ? 'html' : path.split('.').at(-1)
        const types: Record<string, string> = {
          html: 'text/html',
          js: 'text/javascript',
          css: 'text/css',
          svg: 'image/svg+xml',
        }
        expect(type.split(';')[0], path).toBe(types[extension as string])
      }
    }))

  it('is asked for anew each time, and sent only where it has changed', () =>
    withApi(async (apiUrl) => {
      const ask = (path: string, known = '') => fetch(apiUrl + path, { headers: { 'if-none-match': known } })
      const { headers } = await ask('/')
      expect(headers.get('cache-control')).toBe('no-cache')
      const etag = headers.get('etag') as string
      expect(etag).toMatch(/^W\/"[\w-]{22}"$/)
      for (const known of [etag, `"other", ${etag}`]) {
        const again = await ask('/', known)
        expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', etag])
        expect(again.headers.get('content-security-policy')).toBe(headers.get('content-security-policy'))
      }
      expect((await ask('/', '"other"')).status).toBe(200)
      expect((await ask('/page/base.css')).headers.get('etag')).not.toBe(etag)
    }))

  it('serves nothing else of the folder, and nothing outside it', () =>
    withApi(async (apiUrl) => {
      for (const path of ['tsconfig.json', 'types.d.ts', '../page.ts', '%2e%2e/page.ts', 'index.html', '']) {
        const { status, headers, body } = await get(`${apiUrl}/page/${path}`)
        expect(errorIn({ status, headers: new Headers(headers), text: body.toString() }), path).toMatchObject({
          status: 404,
          code: 'not_found',
        })
      }
    }))

  it('says in its HTML what it is where there are no scripts', () => {
    expect(readFileSync(new URL('index.html', FOLDER), 'utf8')).toContain('<noscript>')
  })
})
