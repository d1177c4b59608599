import type { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { EVENT } from '../../lib/wire/announce.ts'
import { encodeBytes } from '../../lib/wire/query.ts'
import { announce, announceTarget, decode, get, type Headers, HttpClient } from '../support/http-client.ts'
import { startRedis, until, useRedis } from '../support/redis.ts'
import { hashOf } from '../support/store.ts'
import { type TestTracker, TOKEN, withTracker } from '../support/tracker.ts'
import { UdpClient } from '../support/udp-client.ts'

const BEARER = { authorization: `Bearer ${TOKEN}` }
const A_HEX = hashOf('a').toString('hex')
const A_TORRENT = `/api/v1/torrent/${A_HEX}`
/** What an API without torrents answers, letter by letter as Torrust's. */
const EMPTY_STATS =
  '{"torrents":0,"seeders":0,"completed":0,' +
  '"completed_persisted":0,"completed_persisted_enabled":true,"leechers":0,' +
  '"tcp4_connections_handled":0,"tcp4_announces_handled":0,"tcp4_scrapes_handled":0,' +
  '"tcp6_connections_handled":0,"tcp6_announces_handled":0,"tcp6_scrapes_handled":0,' +
  '"udp_requests_discarded":0,"udp_requests_aborted":0,"udp_requests_banned":0,"udp_banned_ips_total":0,' +
  '"udp_avg_connect_processing_time_ns":0,"udp_avg_announce_processing_time_ns":0,' +
  '"udp_avg_scrape_processing_time_ns":0,' +
  '"udp4_requests":0,"udp4_connections_handled":0,"udp4_announces_handled":0,"udp4_scrapes_handled":0,' +
  '"udp4_responses":0,"udp4_errors_handled":0,' +
  '"udp6_requests":0,"udp6_connections_handled":0,"udp6_announces_handled":0,"udp6_scrapes_handled":0,' +
  '"udp6_responses":0,"udp6_errors_handled":0}'

type Json = Record<string, unknown>

async function ask(url: string, headers: Headers = BEARER): Promise<{ status: number; json: Json }> {
  const { status, headers: named, body } = await get(url, headers)
  expect(named['content-type']).toBe('application/json; charset=utf-8')
  return { status, json: JSON.parse(body.toString()) }
}

/** Fails where an answer is not an error of the one shape that there is. */
async function errorOf(url: string, headers: Headers = BEARER) {
  const { status, json } = await ask(url, headers)
  expect(json).toEqual({ error: { code: expect.any(String), message: expect.any(String) } })
  return { status, ...(json.error as { code: string; message: string }) }
}

describe('the API', () => {
  const server = useRedis()
  const withApi = <T>(test: (tracker: TestTracker) => Promise<T>, settings: Record<string, string> = {}) =>
    withTracker(server().url, { settings }, test)

  it('says that it is healthy, without a token', () =>
    withApi(async ({ apiUrl }) => {
      expect(await ask(`${apiUrl}/api/health_check`, {})).toEqual({ status: 200, json: { status: 'Ok' } })
    }))

  it('answers the stats in the shape of Torrust', () =>
    withApi(async ({ apiUrl }) => {
      const { status, body } = await get(`${apiUrl}/api/v1/stats?token=${TOKEN}`)
      expect([status, body.toString()]).toEqual([200, EMPTY_STATS])
    }))

  it('adds up what all trackers of a Redis handled, over both protocols and families', () =>
    withApi(async (first) =>
      withApi(
        async (second) => {
          const udp4 = await UdpClient.open(first.udpPort)
          await udp4.connect()
          await udp4.announce({ left: 0n, event: EVENT.completed, port: 7001 })
          await udp4.announce({ infoHash: hashOf('b'), port: 7001 })
          await udp4.scrape([hashOf('a'), hashOf('b')])
          const udp6 = await UdpClient.open(second.udpPort, '::1')
          await udp6.connect()
          await udp6.connect()
          await udp6.announce({ port: 7002 })
          await announce(first.httpUrl, { port: 7003 })
          await announce(`http://127.0.0.1:${second.http[1]?.port}`, { port: 7003 })
          // Refused as they are read, these two are handled by nobody.
          await announce(first.httpUrl, { port: 0 })
          await get(`${first.httpUrl}/scrape`)
          const http6 = `http://[::1]:${second.http[0]?.port}`
          for (let i = 0; i < 3; i++) await get(`${http6}/scrape?info_hash=${encodeBytes(hashOf('a'))}`)
          await announce(http6, { port: 7004, left: 0 })
          const expected = {
            ...{ torrents: 2, seeders: 2, completed: 1, completed_persisted: 1, leechers: 3 },
            ...{ udp4_requests: 4, udp4_responses: 4, udp6_requests: 3, udp6_responses: 3 },
            ...{ tcp4_connections_handled: 2, tcp4_announces_handled: 2, tcp4_scrapes_handled: 0 },
            ...{ tcp6_connections_handled: 4, tcp6_announces_handled: 1, tcp6_scrapes_handled: 3 },
            ...{ udp4_connections_handled: 1, udp4_announces_handled: 2, udp4_scrapes_handled: 1 },
            ...{ udp6_connections_handled: 2, udp6_announces_handled: 1, udp6_scrapes_handled: 0 },
          }
          for (const { apiUrl } of [first, second]) {
            const stats = async () => (await ask(`${apiUrl}/api/v1/stats`)).json
            await until('the last to be counted', async () => (await stats()).tcp6_announces_handled === 1)
            await until('the other`s last to be counted', async () => (await stats()).tcp4_announces_handled === 2)
            expect(await stats()).toMatchObject(expected)
          }
          udp4.close()
          udp6.close()
        },
        { REDSWARM_UDP_LISTEN: '[::1]:0', REDSWARM_HTTP_LISTEN: '[::1]:0,127.0.0.1:0' },
      ),
    ))

  it('answers a torrent with its peers in the shape of Torrust', () =>
    withApi(async ({ httpUrl, apiUrl }) => {
      const report = { peer_id: '-qB4500-abcdefghij%00%ff', uploaded: 1, downloaded: 2, left: 3 }
      await announce(httpUrl, { ...report, event: 'started', port: 8080 })
      const { body } = await get(`${apiUrl}/api/v1/torrent/${A_HEX.toUpperCase()}?token=${TOKEN}`)
      const [, updated] = /"updated":(\d+)/.exec(body.toString()) ?? []
      expect(body.toString()).toBe(
        `{"info_hash":"${A_HEX}","seeders":0,"completed":0,"leechers":1,"peers":[` +
          '{"peer_id":{"id":"0x2d7142343530302d6162636465666768696a00ff","client":"qBittorrent"},' +
          `"peer_addr":"127.0.0.1:8080","updated":${updated},"updated_milliseconds_ago":${updated},` +
          '"uploaded":1,"downloaded":2,"left":3,"event":"Started"}]}',
      )
      expect(Math.abs(Number(updated) - Date.now())).toBeLessThan(5000)
    }))

  it('tells peers of all kinds: what is unknown, completed, of IPv6 or very much', () =>
    withApi(
      async ({ http: [v4, v6], apiUrl }) => {
        const huge = 2n ** 62n
        await announce(`http://127.0.0.1:${v4?.port}`, { port: 1, left: undefined, peer_id: '%00'.repeat(20) })
        await announce(`http://127.0.0.1:${v4?.port}`, { port: 2, left: 0, event: 'completed', uploaded: `${huge}` })
        await announce(`http://[::1]:${v6?.port}`, { port: 3, peer_id: 'zzzzzzzzzzzzzzzzzzzz' })
        const { json } = await ask(apiUrl + A_TORRENT)
        expect(json).toMatchObject({ info_hash: A_HEX, seeders: 1, completed: 1, leechers: 2 })
        const peers = (json.peers as { peer_addr: string }[]).sort((a, b) => (a.peer_addr < b.peer_addr ? -1 : 1))
        const ids = { id: `0x${'00'.repeat(20)}`, client: null }
        expect(peers).toMatchObject([
          { peer_addr: '127.0.0.1:1', peer_id: ids, left: -1, event: 'None' },
          { peer_addr: '127.0.0.1:2', left: 0, uploaded: Number(huge), event: 'Completed' },
          { peer_addr: '[::1]:3', peer_id: { id: `0x${'7a'.repeat(20)}`, client: null }, left: 1000, event: 'None' },
        ])
      },
      { REDSWARM_HTTP_LISTEN: '127.0.0.1:0,[::1]:0' },
    ))

  it('tells where peers are and who has all, where no details are kept', () =>
    withApi(
      async ({ httpUrl, apiUrl }) => {
        await announce(httpUrl, { port: 1, left: 0, event: 'started' })
        const { json } = await ask(apiUrl + A_TORRENT)
        const unknown = { peer_id: { id: null, client: null }, uploaded: 0, downloaded: 0, event: 'None' }
        expect(json.peers).toMatchObject([{ ...unknown, peer_addr: '127.0.0.1:1', left: 0 }])
      },
      { REDSWARM_PEER_DETAILS: 'false' },
    ))

  it('counts a swarm of 1,500 peers in full, and lists 1,000 of them, each once', () =>
    withApi(async ({ httpUrl, apiUrl }) => {
      const client = await HttpClient.open(httpUrl)
      const ports = Array.from({ length: 1500 }, (_, i) => i + 1)
      const answers = await Promise.all(
        ports.map((port) => client.get(announceTarget({ port, left: port % 3, numwant: 0 }))),
      )
      expect(decode(answers.at(-1)?.body as Buffer)).toMatchObject({ complete: 500, incomplete: 1000 })
      const { json } = await ask(apiUrl + A_TORRENT)
      expect(json).toMatchObject({ seeders: 500, leechers: 1000 })
      const addresses = (json.peers as { peer_addr: string }[]).map(({ peer_addr }) => peer_addr)
      expect([addresses.length, new Set(addresses).size]).toEqual([1000, 1000])
      client.close()
    }))

  it.each<[string, string, Headers]>([
    ['no token', '', {}],
    ['an empty token', '?token=', {}],
    ['a wrong token', '?token=wrong', {}],
    ['the token and more', `?token=${TOKEN}x`, {}],
    ['the token twice', `?token=${TOKEN}&token=${TOKEN}`, {}],
    ['an empty header', '', { authorization: 'Bearer ' }],
    ['a wrong header', '', { authorization: 'Bearer wrong' }],
    ['the token without a scheme', '', { authorization: TOKEN }],
    ['a wrong header beside the token', `?token=${TOKEN}`, { authorization: 'Bearer wrong' }],
  ])('refuses %s with 401 in both endpoints', (_name, query, headers) =>
    withApi(async ({ apiUrl }) => {
      for (const path of ['/api/v1/stats', A_TORRENT]) {
        const error = await errorOf(`${apiUrl}${path}${query}`, headers)
        expect(error).toMatchObject({ status: 401, code: 'unauthorized' })
        expect(error.message).not.toContain(TOKEN)
      }
    }),
  )

  it('takes an empty token for none', () =>
    withApi(async ({ apiUrl }) => {
      const { message } = await errorOf(`${apiUrl}/api/v1/stats?token=`, {})
      expect(message).toContain('a token is needed')
    }))

  it.each<[string, string, Headers]>([
    ['in the query', `?token=${TOKEN}`, {}],
    ['as a bearer', '', BEARER],
    ['as a bearer in small letters', '', { authorization: `bearer ${TOKEN}` }],
    ['as a bearer, whatever the query says', '?token=wrong', BEARER],
    ['in the query beside a proxy`s own header', `?token=${TOKEN}`, { authorization: 'Basic dXNlcjpwYXNz' }],
  ])('takes the token %s', (_name, query, headers) =>
    withApi(async ({ apiUrl }) => {
      expect((await ask(`${apiUrl}/api/v1/stats${query}`, headers)).status).toBe(200)
    }),
  )

  it.each([
    ['zz', 'zz'],
    ['', ''],
    [A_HEX.slice(1), A_HEX.slice(1)],
    [`${A_HEX}0`, `${A_HEX}0`],
    [`${A_HEX.slice(2)}zz`, `${A_HEX.slice(2)}zz`],
    ['a/b\\"', 'a%2Fb%22'],
    ['f'.repeat(80), 'f'.repeat(5000)],
  ])('refuses the info hash %s with 400, and names it', (named, written) =>
    withApi(async ({ apiUrl }) => {
      const error = await errorOf(`${apiUrl}/api/v1/torrent/${written}`)
      expect(error).toMatchObject({ status: 400, code: 'bad_request' })
      expect(error.message).toBe(`info_hash must be 40 hex digits, not "${named}"`)
    }),
  )

  it('refuses a malformed path with 400, and answers 404 for an unknown torrent or path', () =>
    withApi(async ({ apiUrl }) => {
      expect(await errorOf(`${apiUrl}/api/v1/torrent/%zz`)).toMatchObject({ status: 400, code: 'bad_request' })
      const torrent = { status: 404, code: 'not_found', message: 'torrent not known' }
      expect(await errorOf(apiUrl + A_TORRENT)).toEqual(torrent)
      const path = { status: 404, code: 'not_found', message: 'there is no GET /api/v1/nothing' }
      expect(await errorOf(`${apiUrl}/api/v1/nothing?token=${TOKEN}`)).toEqual(path)
      expect(await errorOf(`${apiUrl}/api/v1/nothing`, {})).toEqual(path)
    }))

  it('says with 503 that its Redis is away', async () => {
    const redis = await startRedis()
    try {
      await withTracker(redis.url, { roles: ['api'] }, async ({ apiUrl }) => {
        redis.process.kill('SIGKILL')
        const health = () => ask(`${apiUrl}/api/health_check`, {})
        await until('the loss to be seen', async () => (await health()).status === 503)
        expect((await health()).json).toEqual({ status: 'Error' })
        for (const path of ['/api/v1/stats', A_TORRENT, '/api/v1/stats']) {
          expect(await errorOf(apiUrl + path)).toEqual({
            status: 503,
            code: 'store_unavailable',
            message: 'the tracker cannot reach its Redis; try again later',
          })
        }
      })
    } finally {
      await redis.stop()
    }
  })

  it('says the same, with 503, of a Redis that does not answer in time', async () => {
    const redis = await startRedis()
    try {
      await withTracker(redis.url, { roles: ['api'] }, async ({ apiUrl }) => {
        redis.process.kill('SIGSTOP')
        expect(await errorOf(apiUrl + A_TORRENT)).toMatchObject({ status: 503, code: 'store_unavailable' })
      })
    } finally {
      await redis.stop()
    }
  })
})

describe('the API of a Redis with damage in it', () => {
  const server = useRedis()
  const swarmKey = `swarm:{a00}:${A_HEX}`
  const errorsOf = (damage: (redis: Redis) => Promise<unknown>, path: string) =>
    withTracker(server().url, {}, async ({ httpUrl, apiUrl }) => {
      await announce(httpUrl, { port: 1 })
      await damage(server().redis)
      return errorOf(apiUrl + path)
    })

  it.each<[string, string, (redis: Redis) => Promise<unknown>]>([
    ['a head', 'store_damaged', (redis) => redis.hset(swarmKey, 'head', 'short')],
    ['a peer', 'store_damaged', (redis) => redis.hset(swarmKey, 'abcdef', 'x')],
    ['a swarm`s type', 'store_error', (redis) => redis.del(swarmKey).then(() => redis.set(swarmKey, 'x'))],
  ])('names the torrent, with 500, where damage is in %s', async (_, code, damage) => {
    const error = await errorsOf(damage, A_TORRENT)
    expect(error).toMatchObject({ status: 500, code })
    expect(error.message).toContain(A_HEX)
  })

  it('names the count or the key, with 500, where damage is in the totals', async () => {
    const stats = '/api/v1/stats'
    const count = await errorsOf((redis) => redis.hset('totals:{a00}', 'seeders', 'many'), stats)
    expect(count).toMatchObject({
      status: 500,
      code: 'store_damaged',
      message: 'the count seeders in Redis is damaged',
    })
    await server().redis.flushall()
    const key = await errorsOf((redis) => redis.del('totals:{a00}').then(() => redis.set('totals:{a00}', 'x')), stats)
    expect(key).toMatchObject({ status: 500, code: 'store_error' })
    expect(key.message).toMatch(/^Redis answers with an error: WRONGTYPE.+ \(HMGET totals:\{a00\}\)$/)
  })
})
