import { describe, expect, it } from 'vitest'
import { call, errorIn } from '../support/api.ts'
import { useRedis } from '../support/redis.ts'
import { withTracker } from '../support/tracker.ts'

const server = useRedis()
const keyOf = (number: number): string => String(number).padStart(32, '0')

type Asking = (path: string) => Promise<{ status: number; text: string; json: () => unknown }>

/** Runs a test against an API. */
const withAccounts = (test: (ask: Asking) => Promise<void>): Promise<void> =>
  withTracker(server().url, { roles: ['api'] }, ({ apiUrl }) =>
    test(async (path) => {
      const { status, text } = await call(apiUrl + path)
      return { status, text, json: () => JSON.parse(text) }
    }),
  )

describe('the passkeys over the API', () => {
  it('are told one by one, with until when they are valid and what was moved, digit by digit', () =>
    withAccounts(async (ask) => {
      await server().redis.hset('keys', { [keyOf(1)]: '0', [keyOf(2)]: '2000000000' })
      await server().redis.hset('accounts:{000}', `${keyOf(1)}:up`, '9007199254740993')
      await server().redis.hset('accounts:{fff}', { [`${keyOf(1)}:up`]: '1', [`${keyOf(1)}:down`]: '7' })
      expect((await ask(`/api/v2/keys/${keyOf(1)}`)).text).toBe(
        `{"key":"${keyOf(1)}","valid_until":null,"uploaded":9007199254740994,"downloaded":7}`,
      )
      expect((await ask(`/api/v2/keys/${keyOf(2)}`)).json()).toEqual({
        ...{ key: keyOf(2), valid_until: 2_000_000_000, uploaded: 0, downloaded: 0 },
      })
    }))

  it('are told by pages, each once, in order, whatever comes and goes between two pages', () =>
    withAccounts(async (ask) => {
      const { redis } = server()
      const all = Array.from({ length: 250 }, (_, i) => keyOf(2 * i))
      await redis.hset('keys', Object.fromEntries(all.map((key) => [key, '0'])))
      const told: { key: string; valid_until: null }[] = []
      let cursor: string | null = ''
      for (let page = 0; cursor !== null; page++) {
        const answer = await ask(`/api/v2/keys?limit=60${cursor === '' ? '' : `&cursor=${cursor}`}`)
        const { keys, cursor: next } = answer.json() as { keys: typeof told; cursor: string | null }
        expect(keys.length).toBe(page < 4 ? 60 : 10)
        told.push(...keys)
        cursor = next
        // Behind the page one comes, and one that was told goes: nothing is told twice or left out.
        await redis.hset('keys', keyOf(2 * page + 1), '0')
        await redis.hdel('keys', keyOf(2 * page))
      }
      expect(told).toEqual(all.map((key) => ({ key, valid_until: null })))
    }))

  it('are told all at once with what was moved with each, a line of JSON for each', () =>
    withAccounts(async (ask) => {
      expect(await ask('/api/v2/accounts')).toMatchObject({ status: 200, text: '' })
      const all = Array.from({ length: 3000 }, (_, i) => keyOf(i))
      await server().redis.hset('accounts:{abc}', Object.fromEntries(all.map((key, i) => [`${key}:down`, i])))
      await server().redis.hset('accounts:{fff}', `${keyOf(7)}:up`, '9007199254740993')
      const { status, text } = await ask('/api/v2/accounts')
      const lines = text.trimEnd().split('\n').sort()
      expect([status, lines.length]).toEqual([200, 3000])
      expect(lines[7]).toBe(`{"key":"${keyOf(7)}","uploaded":9007199254740993,"downloaded":7}`)
      expect(lines.map((line) => JSON.parse(line).downloaded)).toEqual(all.map((_, i) => i))
    }))

  it('are read whole by two at once, and a third is told so', () =>
    withAccounts(async (ask) => {
      const all = Array.from({ length: 20_000 }, (_, i) => keyOf(i))
      await server().redis.hset('accounts:{abc}', Object.fromEntries(all.map((key) => [`${key}:up`, 1])))
      const answers = await Promise.all([1, 2, 3].map(() => ask('/api/v2/accounts')))
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 503])
      expect(answers.find(({ status }) => status === 503)?.json()).toEqual({
        error: { code: 'busy', message: '2 read all accounts already' },
      })
      expect((await ask('/api/v2/accounts')).status).toBe(200)
    }))

  it('are none where there are none, and the last page says that it is', () =>
    withAccounts(async (ask) => {
      expect((await ask('/api/v2/keys')).text).toBe('{"keys":[],"cursor":null}')
      await server().redis.hset('keys', { [keyOf(1)]: '0', [keyOf(2)]: '0' })
      expect((await ask('/api/v2/keys?limit=2')).json()).toMatchObject({ cursor: null })
      expect((await ask('/api/v2/keys')).json()).toMatchObject({ keys: [{}, {}], cursor: null })
    }))

  it.each([
    ['/keys?limit=0', 400, 'limit must be an integer from 1 to 1000, not 0'],
    ['/keys?limit=1001', 400, 'limit must be an integer from 1 to 1000, not 1001'],
    ['/keys?limit=many', 400, 'limit must be an integer from 1 to 1000, not "many"'],
    ['/keys?cursor=!', 400, 'cursor must be one that a page before has answered, not "!"'],
    ['/keys?cursor=', 400, 'cursor must be one that a page before has answered, not ""'],
    ['/keys/short', 400, 'key must be 32 letters and digits, not "short"'],
    [`/keys/${keyOf(7)}`, 404, 'key not known'],
  ])('GET /api/v2%s gets HTTP %i: %s', (path, status, message) =>
    withAccounts(async (ask) => {
      const answer = await ask(`/api/v2${path}`)
      expect([answer.status, answer.json()]).toEqual([status, { error: { code: expect.any(String), message } }])
    }),
  )

  it('are deleted once the key has gone, in all shards, and not before', () =>
    withTracker(server().url, { roles: ['api'] }, async ({ apiUrl }) => {
      const { redis } = server()
      const remove = (key: string) => call(`${apiUrl}/api/v2/accounts/${key}`, { method: 'DELETE' })
      for (const shard of ['000', 'abc', 'fff'])
        await redis.hset(`accounts:{${shard}}`, {
          [`${keyOf(1)}:up`]: 1,
          [`${keyOf(1)}:down`]: 2,
          [`${keyOf(2)}:up`]: 3,
        })
      await redis.hset('keys', keyOf(1), '0')
      expect(errorIn(await remove(keyOf(1)))).toMatchObject({ status: 409, code: 'conflict' })
      expect(await redis.hlen('accounts:{abc}')).toBe(3)
      await redis.del('keys')
      for (const _ of ['first', 'again'])
        expect(await remove(keyOf(1))).toMatchObject({ status: 200, text: '{"status":"ok"}' })
      expect((await call(`${apiUrl}/api/v2/accounts`)).text).toBe(`{"key":"${keyOf(2)}","uploaded":9,"downloaded":0}\n`)
      const bad = errorIn(await remove('short'))
      expect(bad.message).toBe('key must be 32 letters and digits, not "short"')
    }))

  it('say which key in Redis holds no amount', () =>
    withAccounts(async (ask) => {
      await server().redis.hset('keys', keyOf(1), '0')
      await server().redis.hset('accounts:{abc}', `${keyOf(1)}:up`, 'much')
      for (const path of ['accounts', `keys/${keyOf(1)}`]) {
        const answer = await ask(`/api/v2/${path}`)
        expect(answer.status).toBe(500)
        expect(answer.json()).toMatchObject({
          error: { code: 'store_damaged', message: expect.stringContaining('accounts:{abc}') },
        })
      }
    }))
})
