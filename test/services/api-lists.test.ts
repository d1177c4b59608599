import { describe, expect, it } from 'vitest'
import { BANS_MAX } from '../../lib/store/bans.ts'
import { call, errorIn } from '../support/api.ts'
import { useRedis } from '../support/redis.ts'
import { withTracker } from '../support/tracker.ts'

const server = useRedis()
const withApi = (test: (url: string) => Promise<void>) =>
  withTracker(server().url, { roles: ['api'] }, ({ apiUrl }) => test(`${apiUrl}/api/v2`))
const read = async (url: string) => JSON.parse((await call(url)).text)
const post = async (url: string, json: object) => {
  const { status, text } = await call(url, { method: 'POST', json })
  expect([status, text]).toEqual([200, expect.any(String)])
  return JSON.parse(text)
}
const [A, B] = ['a'.repeat(40), 'b'.repeat(40)]

describe('bans by the API', () => {
  it('are put, changed, listed in order by pages, and ended', () =>
    withApi(async (url) => {
      expect(await read(`${url}/bans`)).toEqual({ bans: [], total: 0, next: null })
      expect(await post(`${url}/bans`, { network: '192.0.2.9/24' })).toEqual({
        ...{ network: '192.0.2.0/24', until: null, is_new: true },
      })
      const [nowS] = await server().redis.time()
      const changed = await post(`${url}/bans`, { network: '192.0.2.0/24', for_s: 1000 })
      expect(changed.is_new).toBe(false)
      expect(Math.abs(changed.until - Number(nowS) - 1000)).toBeLessThan(10)
      for (const network of ['2001:db8::/32', '10.0.0.1', '10.0.0.0/8'])
        await post(`${url}/bans`, { network, until: 4_000_000_000 })
      const { bans: first, total, next } = await read(`${url}/bans?limit=2`)
      expect([first, total, next]).toEqual([
        [
          { network: '10.0.0.0/8', until: 4_000_000_000 },
          { network: '10.0.0.1', until: 4_000_000_000 },
        ],
        ...[4, '10.0.0.1'],
      ])
      const second = await read(`${url}/bans?limit=2&after=${next}`)
      expect([second.bans.map((each: { network: string }) => each.network), second.next]).toEqual([
        ...[['192.0.2.0/24', '2001:db8::/32'], null],
      ])
      const path = `${url}/bans/${encodeURIComponent('10.0.0.0/8')}`
      expect((await call(path, { method: 'DELETE' })).text).toBe('{"status":"ok"}')
      expect(errorIn(await call(path, { method: 'DELETE' }))).toMatchObject({ status: 404, code: 'not_found' })
      expect((await read(`${url}/bans`)).total).toBe(3)
    }))

  it(
    'are refused where they are none, over, twice until when, or too many',
    () =>
      withApi(async (url) => {
        const refused = async (json: object) => errorIn(await call(`${url}/bans`, { method: 'POST', json }))
        for (const [json, message] of [
          [{ network: 'everybody' }, /^network must be an address or a network, .*not "everybody"$/],
          [{ network: '0.0.0.0/0' }, /^network must be/],
          [{ network: '192.0.2.1', until: 1000 }, /^until must be a time to come/],
          [{ network: '192.0.2.1', until: 4_000_000_000, for_s: 5 }, /cannot both be said/],
          [{ network: '192.0.2.1', for: 5 }, /for/],
          [{}, /network/],
        ] as const)
          expect(await refused(json)).toMatchObject({
            code: expect.any(String),
            message: expect.stringMatching(message),
          })
        expect(await server().redis.exists('bans')).toBe(0)
        // Some at a time, so that Redis answers in between.
        const fields = (from: number) => Array.from({ length: 20_000 }, (_, i) => [`${from + i}`, '0'])
        for (let from = 0; from < BANS_MAX; from += 20_000) await server().redis.hset('bans', ...fields(from).flat())
        expect(await refused({ network: '192.0.2.1' })).toMatchObject({ status: 409, code: 'conflict' })
      }),
    60_000,
  )
})

describe('denied torrents by the API', () => {
  it('are put, listed in order by pages, told one by one, and served again', () =>
    withApi(async (url) => {
      await post(`${url}/denied`, { info_hash: B })
      await post(`${url}/denied`, { info_hash: A.toUpperCase(), until: 4_000_000_000 })
      expect(await read(`${url}/denied?limit=1`)).toEqual({
        ...{ denied: [{ info_hash: A, until: 4_000_000_000 }], total: 2, next: A },
      })
      expect(await read(`${url}/denied?after=${A}`)).toEqual({
        ...{ denied: [{ info_hash: B, until: null }], total: 2, next: null },
      })
      expect(await read(`${url}/denied/${B}`)).toEqual({ info_hash: B, is_denied: true })
      expect((await call(`${url}/denied/${B}`, { method: 'DELETE' })).status).toBe(200)
      expect(await read(`${url}/denied/${B}`)).toEqual({ info_hash: B, is_denied: false })
      expect(errorIn(await call(`${url}/denied/${B}`, { method: 'DELETE' })).status).toBe(404)
      await server().redis.hset('denied', B, '1000')
      expect(await read(`${url}/denied/${B}`)).toEqual({ info_hash: B, is_denied: false })
    }))
})

describe('clients by the API', () => {
  it('are allowed and denied, listed with what becomes of all others, and taken off', () =>
    withApi(async (url) => {
      expect(await post(`${url}/clients`, { prefix: '-XL', rule: 'deny' })).toEqual({
        ...{ prefix: '-XL', rule: 'deny', is_new: true },
      })
      expect(await read(`${url}/clients`)).toEqual({ clients: [{ prefix: '-XL', rule: 'deny' }], others: 'allow' })
      await post(`${url}/clients`, { prefix: '\\x00/', rule: 'allow' })
      expect((await read(`${url}/clients`)).others).toBe('deny')
      const path = `${url}/clients/${encodeURIComponent('\\x00/')}`
      expect((await call(path, { method: 'DELETE' })).status).toBe(200)
      expect(await read(`${url}/clients`)).toEqual({ clients: [{ prefix: '-XL', rule: 'deny' }], others: 'allow' })
      const wrong = errorIn(await call(`${url}/clients`, { method: 'POST', json: { prefix: '-XL', rule: 'maybe' } }))
      expect([wrong.status, wrong.message]).toEqual([422, expect.stringContaining('rule')])
    }))
})
