import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { describe, expect, it } from 'vitest'
import { makeKeys } from '../../lib/store/keys.ts'
import { writeRanks } from '../../lib/store/ranks.ts'
import { announce, get } from '../support/http-client.ts'
import { useRedis } from '../support/redis.ts'
import { hashOf } from '../support/store.ts'
import { type TestTracker, TOKEN, withTracker } from '../support/tracker.ts'

const A = hashOf('a').toString('hex')

type Content = Record<string, { schema: TSchema }>
type Parameter = {
  in: string
  name: string
  required?: boolean
  schema: { anyOf?: { const: string }[]; minimum?: number }
}
type Operation = {
  summary?: string
  security?: unknown[]
  parameters?: Parameter[]
  requestBody?: { content: Content }
  responses: Record<string, { content?: Content }>
}
type Document = { openapi: string; paths: Record<string, Record<string, Operation>> }

/** What parts of paths and bodies can be. */
const KEY = 'k'.repeat(32)
const partsOf = (method: string): Record<string, string> => ({
  ...{ info_hash: A, key: KEY, seconds_valid: '60', network: '192.0.2.1', prefix: '-XL0012-' },
  seconds_valid_or_key: method === 'post' ? '60' : KEY,
})
const BODIES: Record<string, object> = {
  '/api/v1/keys': { key: KEY, seconds_valid: 60 },
  '/api/v2/bans': { network: '192.0.2.1', for_s: 60 },
  '/api/v2/denied': { info_hash: A, until: null },
  '/api/v2/clients': { prefix: '-XL0012-', rule: 'deny' },
}
/** What is none, of parts of a path that may nearly be anything. */
const WRONG: Record<string, string> = { prefix: '%5C' }
/** What has been put is asked for before it is taken away. */
const METHODS = ['post', 'get', 'delete']

/** Every operation of the document with its path, those first that the others build on. */
const operationsOf = (document: Document) =>
  Object.entries(document.paths)
    .flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ path, method, operation })))
    .sort(
      (a, b) =>
        METHODS.indexOf(a.method) - METHODS.indexOf(b.method) ||
        Number(b.path.endsWith('keys')) - Number(a.path.endsWith('keys')),
    )

const filled = (path: string, parts: Record<string, string>) =>
  path.replace(/\{(\w+)\}/g, (_, name: string) => parts[name] ?? `no-part-${name}`)

/** Fails where an answer is not as the document says. */
async function check(response: Response, { responses }: Operation, name: string): Promise<void> {
  const documented = responses[response.status] ?? responses[`${Math.floor(response.status / 100)}XX`]
  expect(documented, `${name} answers ${response.status}`).toBeDefined()
  const type = response.headers.get('content-type')?.split(';')[0] ?? ''
  const schema = documented?.content?.[type]?.schema
  expect(schema, `${name} answers ${response.status} with ${type}`).toBeDefined()
  if (type === 'application/json') {
    const body = await response.json()
    const problems = Compile(schema as TSchema).Errors(body)
    expect(problems, `${name}: ${JSON.stringify(body)}`).toEqual([])
  } else await response.body?.cancel()
}

describe('the OpenAPI document', () => {
  const server = useRedis()
  const withApi = (test: (tracker: TestTracker, document: Document) => Promise<void>) =>
    withTracker(server().url, {}, async (tracker) => {
      const { headers, body } = await get(`${tracker.apiUrl}/api/openapi.json`)
      expect(headers['content-type']).toBe('application/json; charset=utf-8')
      await test(tracker, JSON.parse(body.toString()))
    })
  const ask = (
    url: string,
    { path, method, operation }: { path: string; method: string; operation: Operation },
    headers = {},
  ) =>
    fetch(url, {
      method: method.toUpperCase(),
      headers: { ...headers, ...(operation.requestBody && { 'content-type': 'application/json' }) },
      ...(operation.requestBody && { body: JSON.stringify(BODIES[path]) }),
    })

  it('names every path of the API, and what each is for', () =>
    withApi(async (_, document) => {
      expect(document.openapi).toBe('3.1.0')
      const paths = Object.keys(document.paths)
      for (const path of [
        'torrents',
        'torrents/ranked',
        'torrents/{info_hash}',
        'torrents/{info_hash}/peers',
        'stats',
        'events',
        'events/recent',
        'export',
        'live',
        'instances',
        'tracker',
        'whitelist',
        'whitelist/{info_hash}',
        'bans',
        'bans/{network}',
        'denied',
        'denied/{info_hash}',
        'clients',
        'clients/{prefix}',
      ]) {
        expect(paths).toContain(`/api/v2/${path}`)
      }
      for (const path of ['stats', 'metrics', 'torrents', 'torrent/{info_hash}', 'whitelist/{info_hash}', 'keys']) {
        expect(paths).toContain(`/api/v1/${path}`)
      }
      expect(paths).toContain('/api/health_check')
      for (const { path, method, operation } of operationsOf(document)) {
        expect(operation.summary, `${method} ${path}`).toBeTruthy()
      }
    }))

  it('is true: every path and method answers as it says', () =>
    withApi(async ({ apiUrl, httpUrl }, document) => {
      await announce(httpUrl, { left: 0, event: 'completed' })
      await announce(httpUrl, { port: 7000, event: 'started' })
      await writeRanks(server().redis, makeKeys(''), 'seeders', [{ hex: A, score: 1 }])
      const authorization = `Bearer ${TOKEN}`
      for (const each of operationsOf(document)) {
        const name = `${each.method} ${each.path}`
        const response = await ask(apiUrl + filled(each.path, partsOf(each.method)), each, { authorization })
        expect(response.status, `${name} answers`).toBe(200)
        await check(response, each.operation, name)
      }
    }))

  it('is true of what is refused as well: no token, and parameters that are nothing', () =>
    withApi(async ({ apiUrl }, document) => {
      const authorization = `Bearer ${TOKEN}`
      for (const each of operationsOf(document)) {
        const name = `${each.method} ${each.path}`
        if (each.operation.security?.length !== 0) {
          const response = await ask(apiUrl + filled(each.path, partsOf(each.method)), each)
          expect(response.status, name).toBe(401)
          await check(response, each.operation, name)
        }
        for (const parameter of each.operation.parameters ?? []) {
          const isPath = parameter.in === 'path'
          const parts = { ...partsOf(each.method), ...(isPath && { [parameter.name]: WRONG[parameter.name] ?? '!' }) }
          const query = isPath ? '' : `?${parameter.name}=!`
          const response = await ask(apiUrl + filled(each.path, parts) + query, each, { authorization })
          expect(response.status, `${name} with a wrong ${parameter.name}`).toBe(400)
          await check(response, each.operation, name)
        }
      }
    }))

  it('is shown by a page that loads nothing from elsewhere', () =>
    withApi(async ({ apiUrl }) => {
      const { status, headers, body } = await get(`${apiUrl}/api/docs`)
      expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
      const policy = headers['content-security-policy'] ?? ''
      expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'")
      expect(policy).not.toMatch(/unsafe|https?:|\*/)
      const html = body.toString()
      expect(html).not.toMatch(/https?:|\/\/[a-z]/i)
      const loaded = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path = '']) => path)
      expect(loaded.length).toBeGreaterThan(4)
      for (const path of loaded) {
        const file = await fetch(new URL(path, apiUrl))
        expect([path, file.status]).toEqual([path, 200])
        // A stylesheet could load more.
        if (path.endsWith('.css')) expect(/@import|url\((?!["']?data:)/.test(await file.text()), path).toBe(false)
        else await file.body?.cancel()
      }
      expect((await get(`${apiUrl}/api/docs/static/nothing.js`)).body.toString()).toContain('"code":"not_found"')
    }))
})
