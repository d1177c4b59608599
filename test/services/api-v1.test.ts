import { describe, expect, it } from 'vitest'
import { encodeBytes } from '../../lib/wire/query.ts'
import { call, errorIn } from '../support/api.ts'
import { announce, announceTarget, HttpClient } from '../support/http-client.ts'
import { until, useRedis } from '../support/redis.ts'
import { hashOf } from '../support/store.ts'
import { type TestTracker, TOKEN, withTracker } from '../support/tracker.ts'

const hexOf = (digits: string) => digits.padEnd(40, '0')
const OK = '{"status":"ok"}'
const KEY = 'YZSl4lMZupRuOpSRC3krIKR5BPB14nrJ'

describe('the API v1, in the shapes of Torrust', () => {
  const server = useRedis()
  const withApi = <T>(test: (tracker: TestTracker) => Promise<T>, settings: Record<string, string> = {}) =>
    withTracker(server().url, { settings }, test)
  const announceAll = async (httpUrl: string, hashes: string[]) => {
    const client = await HttpClient.open(httpUrl)
    const targets = hashes.map((digits) => announceTarget({ info_hash: encodeBytes(hashOf(digits)), left: 0 }))
    await Promise.all(targets.map((target) => client.get(target)))
    client.close()
  }

  describe('GET /api/v1/torrents', () => {
    it('lists torrents in the order of their info hashes, whichever shard they are in', () =>
      withApi(async ({ httpUrl, apiUrl }) => {
        expect((await call(`${apiUrl}/api/v1/torrents`)).text).toBe('[]')
        await announceAll(httpUrl, ['f0f', 'a00', 'a001', '000', 'a00f', '9'])
        await announce(httpUrl, { port: 2, left: 1 })
        const { status, text } = await call(`${apiUrl}/api/v1/torrents?token=${TOKEN}`, { token: '' })
        const row = (digits: string, leechers = 0) =>
          `{"info_hash":"${hexOf(digits)}","seeders":1,"completed":0,"leechers":${leechers}}`
        const rows = [row('000'), row('9'), row('a', 1), row('a001'), row('a00f'), row('f0f')]
        expect([status, text]).toEqual([200, `[${rows.join(',')}]`])
      }))

    it('pages by offset and limit: each torrent once, and none past the end', () =>
      withApi(async ({ httpUrl, apiUrl }) => {
        const hashes = Array.from(
          { length: 30 },
          (_, i) => `${(i % 3).toString(16)}f${i.toString(16).padStart(4, '0')}`,
        )
        await announceAll(httpUrl, hashes)
        const page = async (query: string): Promise<string[]> =>
          JSON.parse((await call(`${apiUrl}/api/v1/torrents?${query}`)).text).map(
            ({ info_hash }: { info_hash: string }) => info_hash,
          )
        const all = hashes.map(hexOf).sort()
        for (const limit of [1, 7, 10, 30, 31, 4000]) {
          const pages: string[][] = []
          for (let offset = 0; offset < 30; offset += limit) pages.push(await page(`offset=${offset}&limit=${limit}`))
          expect(pages.flat()).toEqual(all)
        }
        expect(await page('offset=29')).toEqual(all.slice(29))
        expect(await page('offset=30')).toEqual([])
        expect(await page('offset=4294967295&limit=1')).toEqual([])
        // As Torrust: what is empty is as not given.
        expect(await page('offset=&limit=')).toEqual(all)
      }))

    it('answers those asked for in the order asked, and leaves out what is unknown', () =>
      withApi(async ({ httpUrl, apiUrl }) => {
        await announceAll(httpUrl, ['a', 'b'])
        const asked = ['b', 'c', 'a', 'b'].map((digits) => `info_hash=${hexOf(digits)}`).join('&')
        const row = (digits: string) => `{"info_hash":"${hexOf(digits)}","seeders":1,"completed":0,"leechers":0}`
        const answer = await call(
          `${apiUrl}/api/v1/torrents?${asked.toUpperCase().replaceAll('INFO_HASH', 'info_hash')}`,
        )
        expect(answer.text).toBe(`[${row('b')},${row('a')},${row('b')}]`)
        // With info hashes, there are no pages.
        expect((await call(`${apiUrl}/api/v1/torrents?info_hash=${hexOf('b')}&limit=1&offset=5`)).text).toBe(
          `[${row('b')}]`,
        )
        const many = Array.from({ length: 256 }, () => `info_hash=${hexOf('a')}`).join('&')
        expect(JSON.parse((await call(`${apiUrl}/api/v1/torrents?${many}`)).text)).toHaveLength(256)
      }))

    const LIMIT = 'limit must be an integer from 1 to 4000'
    const OFFSET = 'offset must be an integer from 0 to 4294967295'
    it.each([
      ['limit=0', `${LIMIT}, not 0`],
      ['limit=4001', `${LIMIT}, not 4001`],
      ['limit=-1', `${LIMIT}, not -1`],
      ['limit=1.5', `${LIMIT}, not "1.5"`],
      ['limit=1e2', `${LIMIT}, not "1e2"`],
      ['limit=ten', `${LIMIT}, not "ten"`],
      ['limit=%00', `${LIMIT}, not "\\u0000"`],
      [`limit=${'9'.repeat(100)}`, `${LIMIT}, not "${'9'.repeat(80)}"`],
      ['limit=1&limit=2', `${LIMIT}, not ["1","2"]`],
      ['offset=-1', `${OFFSET}, not -1`],
      ['offset=4294967296', `${OFFSET}, not 4294967296`],
      ['offset=x', `${OFFSET}, not "x"`],
      ['info_hash=', 'info_hash must be 40 hex digits, not ""'],
      ['info_hash=zz', 'info_hash must be 40 hex digits, not "zz"'],
      [`info_hash=${hexOf('a')}&info_hash=b`, 'info_hash must be 40 hex digits, not "b"'],
      [
        Array.from({ length: 257 }, () => `info_hash=${hexOf('a')}`).join('&'),
        'info_hash must be given at most 256 times, not 257',
      ],
    ])('refuses ?%s with 400', (query, message) =>
      withApi(async ({ apiUrl }) => {
        const error = errorIn(await call(`${apiUrl}/api/v1/torrents?${query}`))
        expect(error).toEqual({ status: 400, code: 'bad_request', message })
      }),
    )
  })

  describe('the whitelist', () => {
    it('lists a torrent, unlists it and reloads, as often as asked, effective at once', () =>
      withApi(
        async ({ httpUrl, apiUrl }) => {
          const path = `${apiUrl}/api/v1/whitelist/${hexOf('a')}`
          const isServed = async () => (await announce(httpUrl))['failure reason'] === undefined
          expect(await isServed()).toBe(false)
          for (const [method, then] of [
            ['POST', true],
            ['POST', true],
            ['DELETE', false],
            ['DELETE', false],
          ] as const) {
            const { status, text } = await call(path, { method })
            expect([status, text, await isServed()]).toEqual([200, OK, then])
          }
          expect((await call(`${apiUrl}/api/v1/whitelist/reload`)).text).toBe(OK)
        },
        { REDSWARM_LISTED: 'true' },
      ))

    it('takes whatever body and type come with it for nothing', () =>
      withApi(async ({ apiUrl }) => {
        const path = `${apiUrl}/api/v1/whitelist/${hexOf('a')}`
        for (const type of ['application/json', 'application/x-www-form-urlencoded', 'text/plain']) {
          const answer = await call(path, { method: 'POST', headers: { 'content-type': type }, body: 'x' })
          expect([answer.status, answer.text]).toEqual([200, OK])
        }
        expect((await call(path, { method: 'POST', headers: { 'content-type': 'application/json' } })).text).toBe(OK)
      }))

    it.each(['POST', 'DELETE'])('refuses to %s what is no info hash', (method) =>
      withApi(async ({ apiUrl }) => {
        for (const text of ['zz', hexOf('a').slice(1), `${hexOf('a')}0`]) {
          const error = errorIn(await call(`${apiUrl}/api/v1/whitelist/${text}`, { method }))
          const message = `info_hash must be 40 hex digits, not "${text}"`
          expect(error).toEqual({ status: 400, code: 'bad_request', message })
        }
      }),
    )
  })

  describe('keys', () => {
    const addKey = async (apiUrl: string, json: unknown) => {
      const answer = await call(`${apiUrl}/api/v1/keys`, { method: 'POST', json })
      expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8')
      return answer
    }

    it('are added as given, for ever or for some seconds', () =>
      withApi(async ({ apiUrl }) => {
        const forEver = await addKey(apiUrl, { key: KEY, seconds_valid: null })
        expect([forEver.status, forEver.text]).toEqual([200, `{"key":"${KEY}","valid_until":null,"expiry_time":null}`])
        const before = Math.floor(Date.now() / 1000)
        const { text } = await addKey(apiUrl, { key: KEY, seconds_valid: 7200 })
        const until = JSON.parse(text).valid_until
        expect(Math.abs(until - before - 7200)).toBeLessThan(30)
        const time = new Date(until * 1000).toISOString().replace('T', ' ').replace('.000Z', ' UTC')
        expect(text).toBe(`{"key":"${KEY}","valid_until":${until},"expiry_time":"${time}"}`)
        expect(await server().redis.hgetall('keys')).toEqual({ [KEY]: String(until) })
      }))

    it.each([{}, { key: null }, { key: null, seconds_valid: null }, { seconds_valid: 60 }])(
      'are made at random where none is given: %j',
      (json) =>
        withApi(async ({ apiUrl }) => {
          const made = [await addKey(apiUrl, json), await addKey(apiUrl, json)].map(({ text }) => JSON.parse(text).key)
          expect(made[0]).toMatch(/^[0-9A-Za-z]{32}$/)
          expect(made[0]).not.toBe(made[1])
        }),
    )

    it('are made by the old path too', () =>
      withApi(async ({ apiUrl }) => {
        const { status, text } = await call(`${apiUrl}/api/v1/key/60`, { method: 'POST' })
        expect(status).toBe(200)
        const pattern =
          /^\{"key":"[0-9A-Za-z]{32}","valid_until":\d{10},"expiry_time":"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"\}$/
        expect(text).toMatch(pattern)
      }))

    it('serve a private tracker`s clients until they are removed, within a second', () =>
      withApi(
        async ({ http, apiUrl }) => {
          const url = `http://127.0.0.1:${http[0]?.port}`
          const client = await HttpClient.open(url)
          const isServed = async () => {
            const target = announceTarget({ port: 1 }).replace('/announce', `/announce/${KEY}`)
            return !(await client.get(target)).body.toString('latin1').includes('failure reason')
          }
          expect(await isServed()).toBe(false)
          await addKey(apiUrl, { key: KEY, seconds_valid: null })
          await until('the key to be known', isServed, 1000)
          const removed = await call(`${apiUrl}/api/v1/key/${KEY}`, { method: 'DELETE' })
          expect([removed.status, removed.text]).toEqual([200, OK])
          await until('the key to be gone', async () => !(await isServed()), 1000)
          const again = errorIn(await call(`${apiUrl}/api/v1/key/${KEY}`, { method: 'DELETE' }))
          expect(again).toEqual({ status: 404, code: 'not_found', message: 'key not known' })
          expect((await call(`${apiUrl}/api/v1/keys/reload`)).text).toBe(OK)
          client.close()
        },
        { REDSWARM_PRIVATE: 'true' },
      ))

    const NO_KEY = 'key must be 32 letters and digits, or null'
    const SECONDS = 'seconds_valid must be an integer from 1 to 10000000000 or null'
    it.each<[unknown, number, string]>([
      [{ key: 'short' }, 400, `${NO_KEY}, not "short"`],
      [{ key: '' }, 400, `${NO_KEY}, not ""`],
      [{ key: `${KEY.slice(1)}%` }, 400, `${NO_KEY}, not "${KEY.slice(1)}%"`],
      [{ key: 'x'.repeat(200) }, 400, `${NO_KEY}, not "${'x'.repeat(80)}"`],
      [{ key: 1 }, 422, 'key must be text or null, not 1'],
      [{ seconds_valid: '60' }, 422, `${SECONDS}, not "60"`],
      [{ seconds_valid: 0 }, 422, `${SECONDS}, not 0`],
      [{ seconds_valid: -1 }, 422, `${SECONDS}, not -1`],
      [{ seconds_valid: 1.5 }, 422, `${SECONDS}, not 1.5`],
      [{ seconds_valid: 10_000_000_001 }, 422, `${SECONDS}, not 10000000001`],
      [{ second_valid: 60 }, 422, 'a field must be one of key, seconds_valid, not "second_valid"'],
      [[], 422, 'the body must be a JSON object, not []'],
      ['x', 422, 'the body must be a JSON object, not "x"'],
      [null, 422, 'the body must be a JSON object, not null'],
    ])('are refused of %j with %i', (json, status, message) =>
      withApi(async ({ apiUrl }) => {
        expect(errorIn(await addKey(apiUrl, json))).toMatchObject({ status, message })
        expect(await server().redis.exists('keys')).toBe(0)
      }),
    )

    it.each(['0', '-1', 'x', '1.5', '10000000001', '%20'])('are refused for %s seconds by the old path', (text) =>
      withApi(async ({ apiUrl }) => {
        const error = errorIn(await call(`${apiUrl}/api/v1/key/${text}`, { method: 'POST' }))
        expect(error).toMatchObject({ status: 400, code: 'bad_request' })
        expect(error.message).toMatch(/^seconds_valid must be an integer from 1 to 10000000000, not /)
      }),
    )

    it('are refused by the old path where no seconds are given', () =>
      withApi(async ({ apiUrl }) => {
        const { message } = errorIn(await call(`${apiUrl}/api/v1/key/`, { method: 'POST' }))
        expect(message).toBe('seconds_valid must be an integer from 1 to 10000000000, not ""')
      }))

    it.each(['0', '-1', 'INVALID%20AUTH%20KEY', KEY.slice(1), `${KEY}s`])(
      'are not removed by what is none: %s',
      (text) =>
        withApi(async ({ apiUrl }) => {
          const error = errorIn(await call(`${apiUrl}/api/v1/key/${text}`, { method: 'DELETE' }))
          const message = `key must be 32 letters and digits, not "${decodeURIComponent(text)}"`
          expect(error).toEqual({ status: 400, code: 'bad_request', message })
        }),
    )
  })
})
