import { describe, expect, it } from 'vitest'
import { makeKeys } from '../../lib/store/keys.ts'
import { makeWhitelist } from '../../lib/store/whitelist.ts'
import { call, errorIn } from '../support/api.ts'
import { announce } from '../support/http-client.ts'
import { useRedis } from '../support/redis.ts'
import { announceOf, hashOf, storeOn } from '../support/store.ts'
import { type TestTracker, withTracker } from '../support/tracker.ts'

const keys = makeKeys('')
const A = hashOf('a').toString('hex')
const READER = 'a-token-to-read'

describe('what operators look at, in the API v2', () => {
  const server = useRedis()
  const withApi = (test: (tracker: TestTracker) => Promise<void>, settings: Record<string, string> = {}) =>
    withTracker(server().url, { settings: { REDSWARM_API_TOKENS: `eyes:read:${READER}`, ...settings } }, test)
  const read = async (url: string, token?: string) => {
    const { status, text } = await call(url, token === undefined ? {} : { token })
    expect(status, text).toBe(200)
    return JSON.parse(text)
  }

  it('tells the processes, and which are silent', () =>
    withApi(async ({ apiUrl }) => {
      const { instances: own } = await read(`${apiUrl}/api/v2/instances`)
      expect(own).toMatchObject([{ roles: ['udp', 'http', 'api'], pid: process.pid, is_silent: false }])
      expect(own[0].listens).toContain(`api ${apiUrl.replace('http://', '')}`)
      expect(own[0].told_at).toBeGreaterThanOrEqual(own[0].started_at)
      const told = JSON.parse((await server().redis.hvals(keys.instances))[0] as string)
      const other = { ...told, id: 'other', host: 'zzz', pid: 7.9, at: told.at - 6, requestsPerS: 3 }
      // JSON has no infinite numbers, but one that is read as such.
      const endless = JSON.stringify({ ...other, id: 'endless' }).replace('"pid":7.9', '"pid":1e999')
      const wrong = { wrong: '{"id":1}', endless }
      await server().redis.hset(keys.instances, { other: JSON.stringify(other), ...wrong })
      const { instances } = await read(`${apiUrl}/api/v2/instances`, READER)
      expect(instances).toHaveLength(2)
      expect(instances[1]).toMatchObject({ id: 'other', host: 'zzz', pid: 7, is_silent: true, requests_per_s: 3 })
    }))

  it('tells 256 processes at most', () =>
    withApi(async ({ apiUrl }) => {
      const told = (await server().redis.hvals(keys.instances))[0] as string
      for (let i = 0; i < 300; i++) {
        await server().redis.hset(keys.instances, `i${i}`, JSON.stringify({ ...JSON.parse(told), id: `i${i}` }))
      }
      expect((await read(`${apiUrl}/api/v2/instances`)).instances).toHaveLength(256)
    }))

  it('tells how the tracker is set, and what the token may do', async () => {
    await withApi(async ({ apiUrl }) => {
      expect(await read(`${apiUrl}/api/v2/tracker`)).toEqual({
        version: '0.0.0-test',
        is_listed: false,
        is_private: false,
        has_peer_details: true,
        has_events: true,
        announce_interval_s: 1800,
        peer_lifetime_s: 3900,
        token: { name: 'default', is_admin: true },
      })
    })
    const settings = { LISTED: 'true', PRIVATE: 'true', PEER_DETAILS: 'false', EVENTS_MAX: '0' }
    await withApi(
      async ({ apiUrl }) => {
        expect(await read(`${apiUrl}/api/v2/tracker`, READER)).toMatchObject({
          is_listed: true,
          is_private: true,
          has_peer_details: false,
          has_events: false,
          token: { name: 'eyes', is_admin: false },
        })
      },
      Object.fromEntries(Object.entries(settings).map(([name, value]) => [`REDSWARM_${name}`, value])),
    )
  })

  it('pages through the whitelist in order, each torrent once', () =>
    withApi(async ({ apiUrl }) => {
      const hashes = Array.from({ length: 700 }, (_, i) =>
        hashOf((((i * 2_654_435_761) % 2 ** 32) >>> 0).toString(16).padStart(8, '0')),
      )
      await makeWhitelist({ redis: server().redis, keys }).add(hashes)
      const found: string[] = []
      const sizes: number[] = []
      for (let after: string | null = ''; after !== null; ) {
        const page = await read(
          `${apiUrl}/api/v2/whitelist?limit=300${after && `&after=${after.toUpperCase()}`}`,
          READER,
        )
        found.push(...page.info_hashes)
        sizes.push(page.info_hashes.length)
        after = page.next
      }
      expect(sizes).toEqual([300, 300, 100])
      expect(found).toEqual(hashes.map((hash) => hash.toString('hex')).sort())
      expect((await read(`${apiUrl}/api/v2/whitelist?limit=700`)).next).toBeNull()
    }))

  it('tells whether a torrent is listed', () =>
    withApi(async ({ apiUrl }) => {
      const url = `${apiUrl}/api/v2/whitelist/${A.toUpperCase()}`
      expect(await read(url, READER)).toEqual({ info_hash: A, is_listed: false })
      await call(`${apiUrl}/api/v1/whitelist/${A}`, { method: 'POST' })
      expect(await read(url)).toEqual({ info_hash: A, is_listed: true })
      expect(await read(`${apiUrl}/api/v2/whitelist`)).toEqual({ info_hashes: [A], next: null })
      expect(errorIn(await call(`${apiUrl}/api/v2/whitelist/xyz`))).toMatchObject({
        status: 400,
        message: 'info_hash must be 40 hex digits, not "xyz"',
      })
      expect(errorIn(await call(`${apiUrl}/api/v2/whitelist?after=xyz`))).toMatchObject({ status: 400 })
    }))

  it('tells the last events, the newest first, and pages back to the first that is kept', () =>
    withApi(async ({ apiUrl, httpUrl }) => {
      expect(await read(`${apiUrl}/api/v2/events/recent`)).toEqual({ events: [], next: null })
      await storeOn(server().redis, { eventsMax: 1000 }).announce(
        Array.from({ length: 25 }, (_, i) => announceOf({ infoHash: hashOf((0x10 + i).toString(16)) })),
      )
      await announce(httpUrl, { left: 0, event: 'completed' })
      const ids: string[] = []
      for (let before: string | null = ''; before !== null; ) {
        const page = await read(`${apiUrl}/api/v2/events/recent?limit=9${before && `&before=${before}`}`, READER)
        ids.push(...page.events.map(({ id }: { id: string }) => id))
        before = page.next
      }
      const kept = (await server().redis.xrange(keys.events, '-', '+')).map(([id]) => id)
      expect(ids).toEqual(kept.reverse())
      const [last, first] = (await read(`${apiUrl}/api/v2/events/recent?limit=2`)).events
      expect([last.event, first.event]).toEqual(['completed', 'added'])
      expect(last).toEqual({
        id: kept[0],
        event: 'completed',
        info_hash: A,
        at: Math.floor(Number(kept[0]?.split('-')[0]) / 1000),
      })
      expect((await read(`${apiUrl}/api/v2/events/recent?limit=27`)).next).toBeNull()
    }))

  it('refuses a place among the events that is none, and says where there are no events', async () => {
    await withApi(async ({ apiUrl }) => {
      expect(errorIn(await call(`${apiUrl}/api/v2/events/recent?before=x`))).toMatchObject({
        status: 400,
        message: 'before must be `next` of the page before, not "x"',
      })
      for (const first of ['0-0', '00-0'])
        expect(await read(`${apiUrl}/api/v2/events/recent?before=${first}`)).toEqual({ events: [], next: null })
    })
    await withApi(
      async ({ apiUrl }) => {
        expect(errorIn(await call(`${apiUrl}/api/v2/events/recent`))).toMatchObject({ status: 503, code: 'events_off' })
      },
      { REDSWARM_EVENTS_MAX: '0' },
    )
  })

  it.each(['instances', 'tracker', 'whitelist', `whitelist/${A}`, 'events/recent'])(
    'asks for a token: /api/v2/%s',
    (path) =>
      withApi(async ({ apiUrl }) => {
        expect(errorIn(await call(`${apiUrl}/api/v2/${path}`, { token: '' }))).toMatchObject({ status: 401 })
      }),
  )
})
