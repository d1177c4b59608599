import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { toEndpoint } from '../../lib/wire/endpoint.ts'
import { type ApiClient, makeAttempts } from '../../services/api/attempts.ts'
import { type Headers, HttpClient, type HttpResponse } from '../support/http-client.ts'
import { useRedis } from '../support/redis.ts'
import { type TestTracker, TOKEN, withTracker } from '../support/tracker.ts'

const READ = 'a-token-that-reads'
const STATS = '/api/v1/stats'

const server = useRedis()

/** An API whose limits are for the loopback as well; what it logs is kept. */
async function withApi(
  test: (tracker: TestTracker, lines: string[]) => Promise<void>,
  settings: Record<string, string> = {},
): Promise<void> {
  const lines: string[] = []
  const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) })
  const limited = { REDSWARM_LIMITS_EXEMPT: '192.0.2.1', REDSWARM_API_TOKENS: `grafana:read:${READ}`, ...settings }
  await withTracker(server().url, { roles: ['api'], settings: limited, log }, (tracker) => test(tracker, lines))
}

const ask = (client: HttpClient, token: string, headers: Headers = {}): Promise<HttpResponse> =>
  client.get(STATS, { authorization: `Bearer ${token}`, ...headers })

/** Asks by connections of their own, from an address; answers the statuses. */
async function askEach(
  { apiUrl }: TestTracker,
  tokens: string[],
  from: string,
  headers: Headers = {},
): Promise<number[]> {
  const statuses: number[] = []
  for (const token of tokens) {
    const client = await HttpClient.open(apiUrl, from)
    statuses.push((await ask(client, token, headers)).status)
    client.close()
  }
  return statuses
}

const guesses = (count: number) => Array.from({ length: count }, (_, i) => `a-wrong-token-${i}`)

describe('the API, asked with wrong tokens again and again', () => {
  it('refuses their address after ten, even with a right one: a guess cannot be told', () =>
    withApi(async (tracker) => {
      expect(await askEach(tracker, guesses(12), '127.0.0.2')).toEqual([...Array(10).fill(401), 429, 429])
      expect(await askEach(tracker, [TOKEN, READ], '127.0.0.2')).toEqual([429, 429])
      const client = await HttpClient.open(tracker.apiUrl, '127.0.0.2')
      const { headers, body } = await ask(client, TOKEN)
      expect(headers['retry-after']).toBe('6')
      expect(JSON.parse(body.toString())).toEqual({ error: { code: 'too_many_attempts', message: expect.any(String) } })
      client.close()
    }))

  it('serves all other addresses, and what needs no token', () =>
    withApi(async (tracker) => {
      await askEach(tracker, guesses(12), '127.0.0.2')
      expect(await askEach(tracker, [TOKEN, READ, 'wrong'], '127.0.0.3')).toEqual([200, 200, 401])
      const client = await HttpClient.open(tracker.apiUrl, '127.0.0.2')
      expect((await client.get('/api/health_check')).status).toBe(200)
      expect((await client.get('/')).status).toBe(200)
      client.close()
    }))

  it('goes on to serve a dashboard behind the same address, by the connections that it has', () =>
    withApi(async (tracker) => {
      const open = await HttpClient.open(tracker.apiUrl, '127.0.0.2')
      expect((await ask(open, READ)).status).toBe(200)
      await askEach(tracker, guesses(20), '127.0.0.2')
      for (let i = 0; i < 20; i++) expect((await ask(open, READ)).status).toBe(200)
      // Who has one token must not find out another by it, nor by a connection that is let through.
      expect([(await ask(open, TOKEN)).status, (await ask(open, 'wrong')).status]).toEqual([429, 429])
      expect((await ask(open, READ)).status).toBe(200)
      open.close()
    }))

  it('does not count a right token, nor a request without any', () =>
    withApi(async (tracker) => {
      const client = await HttpClient.open(tracker.apiUrl, '127.0.0.2')
      for (let i = 0; i < 15; i++) expect((await client.get(STATS)).status).toBe(401)
      expect(await askEach(tracker, Array(15).fill(TOKEN), '127.0.0.2')).toEqual(Array(15).fill(200))
      client.close()
    }))

  it('knows clients behind a trusted proxy by what it says of them, and lets none through for a connection of it', () =>
    withApi(
      async (tracker) => {
        const shared = await HttpClient.open(tracker.apiUrl)
        const by = (address: string) => ({ 'x-forwarded-for': `203.0.113.9, ${address}` })
        expect((await ask(shared, TOKEN, by('198.51.100.7'))).status).toBe(200)
        for (const guess of guesses(10)) expect((await ask(shared, guess, by('198.51.100.7'))).status).toBe(401)
        expect((await ask(shared, TOKEN, by('198.51.100.7'))).status).toBe(429)
        expect((await ask(shared, TOKEN, by('198.51.100.8'))).status).toBe(200)
        shared.close()
      },
      { REDSWARM_TRUSTED_PROXIES: '127.0.0.1' },
    ))

  it.each<[string, Headers, number]>([
    ['does not limit an exempt address', {}, 200],
    ['limits one by which others come, as a header says', { 'x-forwarded-for': '198.51.100.7' }, 429],
  ])('%s', (_name, headers, status) =>
    withApi(
      async (tracker) => {
        await askEach(tracker, guesses(12), '127.0.0.1', headers)
        expect(await askEach(tracker, [TOKEN], '127.0.0.1', headers)).toEqual([status])
      },
      { REDSWARM_LIMITS_EXEMPT: '127.0.0.0/8' },
    ),
  )

  it('tells of them in the log, by address and route, and never the token nor a URL', () =>
    withApi(async (tracker, lines) => {
      const client = await HttpClient.open(tracker.apiUrl, '127.0.0.2')
      for (const guess of [...guesses(12), TOKEN]) {
        await client.get(`/api/v1/key/a-passkey-that-is-secret?token=${guess}`)
        await client.get(`/api/v1/nothing-here?token=${guess}`)
        await client.get(`/?token=${guess}`)
        await client.get(`/api/v1/%zz?token=${guess}`)
        await ask(client, guess)
      }
      client.close()
      const told = lines.map((line) => JSON.parse(line)).filter(({ attempts }) => attempts !== undefined)
      expect(told).toHaveLength(1)
      expect(told[0]).toMatchObject({ level: 40, address: '127.0.0.2', attempts: 1 })
      for (const secret of ['a-wrong-token', TOKEN, 'a-passkey', 'token=']) expect(lines.join('')).not.toContain(secret)
    }))
})

describe('the wrong tokens of an address', () => {
  const clientAt = (address: string): ApiClient => ({
    source: toEndpoint(address, 1) as ApiClient['source'],
    isDirect: true,
  })
  const setUp = () => {
    const lines: { address: string; attempts: number }[] = []
    const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(JSON.parse(line)) })
    const clock = { nowS: 1_000_000 }
    return { ...makeAttempts({ isExempt: () => false, nowS: () => clock.nowS, seed: 1, log }), clock, lines }
  }

  it('may be ten at once, and one more each six seconds', () => {
    const { areTooMany, count, clock } = setUp()
    const [client, neighbour] = [clientAt('2001:db8::1'), clientAt('2001:db8::2')]
    for (let i = 0; i < 10; i++) count(client, '/')
    expect([areTooMany(client), areTooMany(neighbour), areTooMany(clientAt('2001:db8:0:1::1'))]).toEqual([
      true,
      true,
      false,
    ])
    clock.nowS += 5.9
    expect(areTooMany(client)).toBe(true)
    clock.nowS += 0.2
    expect(areTooMany(client)).toBe(false)
    count(client, '/')
    expect(areTooMany(client)).toBe(true)
  })

  it('are told of once a minute, with how many there were, and of a hundred addresses at most', () => {
    const { count, clock, lines } = setUp()
    const client = clientAt('192.0.2.1')
    for (let i = 0; i < 50; i++) count(client, '/')
    clock.nowS += 60
    count(client, '/')
    expect(lines.map(({ attempts }) => attempts)).toEqual([1, 50])
    for (let i = 0; i < 10_000; i++) count(clientAt(`10.0.${i >> 8}.${i & 255}`), '/')
    expect(lines).toHaveLength(2 + 99)
    clock.nowS += 60
    for (let i = 0; i < 10_000; i++) count(clientAt(`10.0.${i >> 8}.${i & 255}`), '/')
    expect(lines).toHaveLength(2 + 99 + 100)
  })
})
