import { describe, expect, it } from 'vitest'
import { makeKeys } from '../../lib/store/keys.ts'
import { writeRanks } from '../../lib/store/ranks.ts'
import { EVENT } from '../../lib/wire/announce.ts'
import { announce, get } from '../support/http-client.ts'
import { useRedis } from '../support/redis.ts'
import { announceOf, at, hashOf, storeOn } from '../support/store.ts'
import { type TestTracker, TOKEN, withTracker } from '../support/tracker.ts'

const BEARER = { authorization: `Bearer ${TOKEN}` }
const keys = makeKeys('')
const A = hashOf('a').toString('hex')

type Json = Record<string, unknown>
type Page = { torrents: { info_hash: string; seeders: number; leechers: number }[]; next: string | null }

async function ask(url: string): Promise<{ status: number; json: Json }> {
  const { status, headers, body } = await get(url, BEARER)
  expect(headers['content-type']).toBe('application/json; charset=utf-8')
  return { status, json: JSON.parse(body.toString()) }
}

/** All pages of a path, to the end. */
async function allOf<T>(url: string, parameter: string, list: string): Promise<T[]> {
  const found: T[] = []
  let next: unknown
  for (let pages = 0; next !== null; pages++) {
    expect(pages).toBeLessThan(200)
    const { status, json } = await ask(next === undefined ? url : `${url}&${parameter}=${next}`)
    expect(status).toBe(200)
    found.push(...(json[list] as T[]))
    next = json.next
  }
  return found
}

describe('the API v2', () => {
  const server = useRedis()
  const withApi = <T>(test: (tracker: TestTracker) => Promise<T>, settings: Record<string, string> = {}) =>
    withTracker(server().url, { settings }, test)
  /** Torrents of one leecher each, save those that have seeders. */
  const fill = async (hexes: readonly string[], seeders: (i: number) => number = () => 0): Promise<void> => {
    const { announce } = storeOn(server().redis)
    await announce(
      hexes.flatMap((hex, i) => [
        announceOf({ infoHash: hashOf(hex) }),
        ...Array.from({ length: seeders(i) }, (_, n) =>
          announceOf({ infoHash: hashOf(hex), endpoint: at('192.0.2.2', 1000 + n), isSeeder: true }),
        ),
      ]),
    )
  }
  const spread = (count: number) =>
    Array.from({ length: count }, (_, i) =>
      ((i * 2_654_435_761) % 2 ** 32).toString(16).padStart(8, '0').padEnd(40, '0'),
    )

  it('lists torrents in the order of their info hashes, page after page', () =>
    withApi(async ({ apiUrl }) => {
      const hexes = spread(300)
      await fill(hexes, (i) => Number(i === 0))
      const { json } = await ask(`${apiUrl}/api/v2/torrents?limit=2`)
      const sorted = [...hexes].sort()
      expect(json).toEqual({
        torrents: sorted.slice(0, 2).map((hex) => ({
          ...{ info_hash: hex, seeders: Number(hex === hexes[0]), leechers: 1, completed: 0 },
        })),
        next: sorted[1],
      })
      for (const limit of [7, 100, 300, 1000]) {
        const listed = await allOf<{ info_hash: string }>(
          `${apiUrl}/api/v2/torrents?limit=${limit}`,
          'after',
          'torrents',
        )
        expect(listed.map(({ info_hash }) => info_hash)).toEqual(sorted)
      }
    }))

  it('lists only torrents with so many peers, or whose info hash begins so', () =>
    withApi(async ({ apiUrl }) => {
      const hexes = ['a00', 'a01', 'a010', 'a02', 'b00'].map((hex) => hex.padEnd(39, '0').padEnd(40, '1'))
      await fill(hexes, (i) => i)
      const listed = async (query: string) =>
        ((await ask(`${apiUrl}/api/v2/torrents?${query}`)).json as Page).torrents.map(({ info_hash }) => info_hash)
      expect(await listed('min_peers=4')).toEqual(hexes.slice(3))
      expect(await listed('prefix=A0')).toEqual([...new Set(hexes.slice(0, 4))])
      expect(await listed(`prefix=${hexes[0]}`)).toEqual([hexes[0]])
      expect(await listed('prefix=a0&min_peers=4')).toEqual([hexes[3]])
      expect(await listed(`prefix=a0&after=${hexes[4]}`)).toEqual([])
      expect(await listed('prefix=')).toHaveLength(4)
    }))

  it('answers one torrent, and 404 where there is none', () =>
    withApi(async ({ httpUrl, apiUrl }) => {
      await announce(httpUrl, { left: 0, event: 'completed' })
      const { json } = await ask(`${apiUrl}/api/v2/torrents/${A.toUpperCase()}`)
      expect(json).toEqual({ info_hash: A, seeders: 1, leechers: 0, completed: 1, added_at: expect.any(Number) })
      expect(Math.abs(Date.now() / 1000 - Number(json.added_at))).toBeLessThan(10)
      const other = hashOf('b').toString('hex')
      for (const path of [`/api/v2/torrents/${other}`, `/api/v2/torrents/${other}/peers`]) {
        const error = { code: 'not_found', message: `no torrent ${other} is known` }
        expect(await ask(apiUrl + path)).toEqual({ status: 404, json: { error } })
      }
    }))

  it('tells what a peer says of itself', () =>
    withApi(async ({ httpUrl, apiUrl }) => {
      const report = { peer_id: '-qB4500-abcdefghij%00%ff', uploaded: 1, downloaded: 2, left: 3 }
      await announce(httpUrl, { ...report, event: 'started', port: 8080 })
      const { json } = await ask(`${apiUrl}/api/v2/torrents/${A}/peers`)
      const peer = {
        ...{ address: '127.0.0.1', port: 8080, is_seeder: false, announced_at: expect.any(Number) },
        ...{ peer_id: '2d7142343530302d6162636465666768696a00ff', client: 'qBittorrent' },
        ...{ uploaded: 1, downloaded: 2, left: 3, event: 'started' },
      }
      expect(json).toEqual({ peers: [peer], next: null })
    }))

  it.each([3, 9, 400])('pages over all %i peers of a swarm, each once', (count) =>
    withApi(async ({ apiUrl }) => {
      await storeOn(server().redis).announce(
        Array.from({ length: count }, (_, i) => {
          const endpoint = i % 3 === 0 ? at('2001:db8::1', 1000 + i) : at('192.0.2.1', 1000 + i)
          return announceOf({ endpoint, isSeeder: i % 2 === 0 })
        }),
      )
      for (const limit of [1, 50, 1000].slice(count > 100 ? 1 : 0)) {
        const url = `${apiUrl}/api/v2/torrents/${A}/peers?limit=${limit}`
        const peers = await allOf<{ address: string; port: number; is_seeder: boolean }>(url, 'after', 'peers')
        expect(peers.map(({ port }) => port).sort((a, b) => a - b)).toEqual(
          Array.from({ length: count }, (_, i) => 1000 + i),
        )
        expect(peers.filter(({ is_seeder }) => is_seeder)).toHaveLength(Math.ceil(count / 2))
        expect(peers.filter(({ address }) => address === '2001:db8::1')).toHaveLength(Math.ceil(count / 3))
      }
    }),
  )

  it('reads no more of a large swarm than a page needs', () =>
    withApi(async ({ apiUrl }) => {
      const { redis } = server()
      const many = Array.from({ length: 3000 }, (_, i) =>
        announceOf({ endpoint: at('192.0.2.1', 1000 + i), numwant: 0 }),
      )
      await storeOn(redis).announce(many)
      await redis.config('RESETSTAT')
      const { json } = await ask(`${apiUrl}/api/v2/torrents/${A}/peers?limit=10`)
      expect(json.peers).toHaveLength(10)
      const [, calls] = /cmdstat_hgetall:calls=(\d+)/.exec(await redis.info('commandstats')) ?? []
      expect(Number(calls)).toBe(1)
    }))

  it('adds up what all frontends counted', () =>
    withApi(async ({ httpUrl, apiUrl }) => {
      await announce(httpUrl)
      await expect
        .poll(async () => (await ask(`${apiUrl}/api/v2/stats`)).json, { timeout: 10_000 })
        .toMatchObject({
          totals: { torrents: 1, seeders: 0, leechers: 1, completed: 0 },
          counters: { tcp4_announces: 1, udp4_announces: 0, store_damaged: 0 },
        })
    }))

  describe('ranks', () => {
    const hexes = spread(50)
    /** 50 torrents, ten with each of the counts 1 to 5. */
    const rank = (shift = 0) =>
      writeRanks(
        server().redis,
        keys,
        'seeders',
        hexes.map((hex, i) => ({ hex, score: 1 + ((i + shift) % 5) })),
      )
    const path = '/api/v2/torrents/ranked?by=seeders'

    it.each(['desc', 'asc'])('pages over torrents in the order %s, and tells how old the ranking is', (order) =>
      withApi(async ({ apiUrl }) => {
        await fill(hexes)
        await rank()
        const { json } = await ask(`${apiUrl}${path}&order=${order}`)
        expect(json).toMatchObject({ total: 50, next: null, age_s: expect.any(Number) })
        expect(Number(json.age_s)).toBeLessThan(10)
        const whole = json.torrents as { info_hash: string; ranked_count: number }[]
        const expected = hexes
          .map((hex, i) => `${1 + (i % 5)}.${hex}`)
          .sort()
          .map((text) => text.slice(2))
        expect(whole.map(({ info_hash }) => info_hash)).toEqual(order === 'asc' ? expected : expected.reverse())
        for (const limit of [1, 7, 25, 50]) {
          const url = `${apiUrl}${path}&order=${order}&limit=${limit}`
          expect(await allOf(url, 'cursor', 'torrents')).toEqual(whole)
        }
      }),
    )

    it.each(['desc', 'asc'])('goes on in the same ranking when another was made, and then by count, %s', (order) =>
      withApi(async ({ apiUrl }) => {
        await fill(hexes)
        await rank()
        const url = `${apiUrl}${path}&order=${order}`
        const whole = (await ask(url)).json.torrents as { info_hash: string }[]
        const { next } = (await ask(`${url}&limit=15`)).json
        await rank(1)
        expect((await ask(`${url}&cursor=${next}`)).json.torrents).toEqual(whole.slice(15))
        await rank(2)
        const rest = (await ask(`${url}&cursor=${next}`)).json.torrents as { ranked_count: number; info_hash: string }[]
        const now = (await ask(url)).json.torrents as { ranked_count: number; info_hash: string }[]
        // After the 15th come those that stand after its place in the ranking of now.
        const [, , , count = '', hex = ''] = String(next).split('.')
        const isAfter = (torrent: { ranked_count: number; info_hash: string }) => {
          const sign = order === 'asc' ? 1 : -1
          const byCount = torrent.ranked_count - Number(count)
          return sign * (byCount !== 0 ? byCount : torrent.info_hash > hex ? 1 : torrent.info_hash < hex ? -1 : 0) > 0
        }
        expect(rest).toEqual(now.filter(isAfter))
        expect(rest.length).toBeGreaterThan(20)
      }),
    )

    it('has none where no ranking was made, and leaves out torrents that have gone', () =>
      withApi(async ({ apiUrl }) => {
        const empty = { made_at: null, age_s: null, total: 0, torrents: [], next: null }
        expect((await ask(apiUrl + path)).json).toEqual(empty)
        await fill(hexes.slice(0, 1))
        await rank()
        expect((await ask(apiUrl + path)).json).toMatchObject({ total: 50, torrents: [{ info_hash: hexes[0] }] })
      }))
  })

  it.each([
    ['/torrents?limit=0', 'limit must be an integer from 1 to 1000, not 0'],
    ['/torrents?limit=1001', 'limit must be an integer from 1 to 1000, not 1001'],
    ['/torrents?limit=ten', 'limit must be an integer from 1 to 1000, not "ten"'],
    ['/torrents?min_peers=-1', 'min_peers must be an integer from 0 to 4294967295, not -1'],
    ['/torrents?after=abc', 'after must be 40 hex digits, not "abc"'],
    ['/torrents?prefix=xyz', 'prefix must be 0 to 40 hex digits, not "xyz"'],
    [`/torrents?prefix=${A}0`, `prefix must be 0 to 40 hex digits, not "${A}0"`],
    ['/torrents/ranked?by=peers', 'by must be one of seeders, leechers, completed, not "peers"'],
    ['/torrents/ranked?order=up', 'order must be one of desc, asc, not "up"'],
    ['/torrents/ranked?cursor=x', 'cursor must be `next` of a page by seeders, desc, not "x"'],
    [
      `/torrents/ranked?by=leechers&cursor=seeders.desc.1.1.${A}`,
      `cursor must be \`next\` of a page by leechers, desc, not "seeders.desc.1.1.${A}"`,
    ],
    ['/torrents/zz', 'info_hash must be 40 hex digits, not "zz"'],
    ['/torrents/zz/peers', 'info_hash must be 40 hex digits, not "zz"'],
    [`/torrents/${A}/peers?limit=1001`, 'limit must be an integer from 1 to 1000, not 1001'],
    [
      `/torrents/${A}/peers?after=4.0.${A.slice(0, 12)}`,
      `after must be \`next\` of the page before, not "4.0.${A.slice(0, 12)}"`,
    ],
    ['/events?after=yesterday', 'after must be the id of an event, like 1764000000000-0, not "yesterday"'],
  ])('refuses %s with 400, and says what is wrong', (path, message) =>
    withApi(async ({ apiUrl }) => {
      expect(await ask(`${apiUrl}/api/v2${path}`)).toEqual({
        status: 400,
        json: { error: { code: 'bad_request', message } },
      })
    }),
  )

  it('asks for a token everywhere, and refuses other methods with 405', () =>
    withApi(async ({ apiUrl }) => {
      for (const path of [
        'torrents',
        'torrents/ranked',
        `torrents/${A}`,
        `torrents/${A}/peers`,
        'stats',
        'events',
        'export',
      ]) {
        expect((await get(`${apiUrl}/api/v2/${path}`)).status, path).toBe(401)
        const { status } = await fetch(`${apiUrl}/api/v2/${path}`, { method: 'PUT', headers: BEARER })
        expect(status, path).toBe(405)
      }
    }))

  it('says with 500 what is damaged', () =>
    withApi(async ({ apiUrl }) => {
      await storeOn(server().redis).announce([announceOf({ event: EVENT.started })])
      await server().redis.hset(keys.swarm(A), 'head', 'cut')
      for (const path of [`/api/v2/torrents/${A}`, `/api/v2/torrents/${A}/peers`]) {
        expect(await ask(apiUrl + path)).toMatchObject({ status: 500, json: { error: { code: 'store_damaged' } } })
      }
    }))
})
