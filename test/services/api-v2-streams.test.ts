import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { makeKeys } from '../../lib/store/keys.ts'
import { announce, get } from '../support/http-client.ts'
import { until, useRedis } from '../support/redis.ts'
import { readSse } from '../support/sse.ts'
import { announceOf, hashOf, storeOn } from '../support/store.ts'
import { type TestTracker, TOKEN, withTracker } from '../support/tracker.ts'

const BEARER = { authorization: `Bearer ${TOKEN}` }
const keys = makeKeys('')

/** Reads events of torrents until the reader is closed. */
async function readEvents(apiUrl: string, headers: Record<string, string> = {}, query = '') {
  const reader = await readSse(`${apiUrl}/api/v2/events${query}`, headers)
  return {
    ...reader,
    told: () => reader.events().map(({ event, data }) => `${event} ${JSON.parse(data).info_hash?.[0] ?? ''}`.trim()),
  }
}

describe('the events of the API v2', () => {
  const server = useRedis()
  const withApi = <T>(test: (tracker: TestTracker) => Promise<T>, settings: Record<string, string> = {}) =>
    withTracker(server().url, { settings }, test)

  it('tell of torrents that are added, completed and evicted, to all who listen', () =>
    withApi(async ({ httpUrl, apiUrl }) => {
      await announce(httpUrl, { info_hash: '%ee'.repeat(20) })
      const readers = [await readEvents(apiUrl), await readEvents(apiUrl)]
      expect(readers[0]?.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
      await announce(httpUrl, { left: 1 })
      await announce(httpUrl, { left: 0, event: 'completed' })
      await announce(httpUrl, { left: 0, event: 'completed' })
      await announce(httpUrl, { info_hash: '%bb'.repeat(20) })
      await announce(httpUrl, { info_hash: '%bb'.repeat(20), event: 'stopped' })
      for (const reader of readers) {
        await until('the events to come', () => reader.told().length >= 4)
        expect(reader.told()).toEqual(['added a', 'completed a', 'added b', 'evicted b'])
        const [first] = reader.events()
        expect(first?.id).toMatch(/^\d+-\d+$/)
        expect(JSON.parse(first?.data ?? '')).toEqual({
          info_hash: hashOf('a').toString('hex'),
          at: Math.floor(Number(first?.id?.split('-')[0]) / 1000),
        })
        await reader.close()
      }
      const clients = String(await server().redis.client('LIST'))
      expect(clients.match(/cmd=xread/g)).toHaveLength(1)
    }))

  it('go on after the last that a reader had, also more than one read has', () =>
    withApi(async ({ httpUrl, apiUrl }) => {
      const first = await readEvents(apiUrl)
      await announce(httpUrl)
      await until('the event to come', () => first.told().length === 1)
      await first.close()
      const many = Array.from({ length: 2500 }, (_, i) => announceOf({ infoHash: hashOf(`b${i.toString(16)}1`) }))
      const { announce: announceAll } = storeOn(server().redis, { eventsMax: 10_000 })
      await announceAll(many)
      const id = first.events()[0]?.id ?? ''
      const byHeader = await readEvents(apiUrl, { 'last-event-id': id })
      const byQuery = await readEvents(apiUrl, {}, `?after=${id}`)
      for (const again of [byHeader, byQuery]) await until('them to come', () => again.told().length >= 2500)
      await announce(httpUrl, { info_hash: '%cc'.repeat(20) })
      for (const again of [byHeader, byQuery]) {
        await until('the last to come', () => again.told().at(-1) === 'added c')
        const told = again.events().map((event) => event.id)
        expect([told.length, new Set(told).size]).toEqual([2501, 2501])
        await again.close()
      }
    }))

  it('lose none and tell none twice while a reader catches up', () =>
    withApi(async ({ apiUrl }) => {
      const { announce: announceAll } = storeOn(server().redis, { eventsMax: 100_000 })
      const torrents = (from: number) =>
        Array.from({ length: 200 }, (_, i) => announceOf({ infoHash: hashOf(`${(0x10000 + from + i).toString(16)}1`) }))
      for (let from = 0; from < 4000; from += 200) await announceAll(torrents(from))
      const reader = await readEvents(apiUrl, {}, '?after=0-0')
      for (let from = 4000; from < 8000; from += 200) await announceAll(torrents(from))
      await until('all to come', () => reader.events().length >= 8000)
      await sleep(200)
      const ids = reader.events().map(({ data }) => JSON.parse(data).info_hash)
      expect([ids.length, new Set(ids).size]).toEqual([8000, 8000])
      await reader.close()
    }))

  it('tell of a gap where the last that a reader had is kept no longer', () =>
    withApi(async ({ httpUrl, apiUrl }) => {
      await announce(httpUrl)
      for (const after of ['1-1', '999999999999999-1']) {
        const reader = await readEvents(apiUrl, {}, `?after=${after}`)
        await until('the gap', () => reader.told().includes('gap'))
        await announce(httpUrl, { info_hash: '%bb'.repeat(20) })
        await announce(httpUrl, { info_hash: '%bb'.repeat(20), event: 'stopped' })
        await until('the events to come', () => reader.told().includes('evicted b'))
        // So it is for one who listens, where more come than are kept before they are read.
        await server().redis.xtrim(keys.events, 'MAXLEN', 0)
        await announce(httpUrl, { info_hash: '%bb'.repeat(20) })
        await until('the gap', () => reader.told().slice(-2).join() === 'gap,added b')
        await announce(httpUrl, { info_hash: '%bb'.repeat(20), event: 'stopped' })
        await reader.close()
      }
    }))

  it('keep no more than a setting says, about, and none where it is 0', async () => {
    const { redis } = server()
    const fill = (eventsMax: number) =>
      storeOn(redis, { eventsMax }).announce(
        Array.from({ length: 3000 }, (_, i) => announceOf({ infoHash: hashOf((0x10000 + i).toString(16)) })),
      )
    await fill(0)
    expect(await redis.exists(keys.events)).toBe(0)
    await redis.flushall()
    await fill(500)
    const kept = await redis.xlen(keys.events)
    expect(kept).toBeGreaterThanOrEqual(500)
    expect(kept).toBeLessThan(700)
    await withApi(
      async ({ apiUrl }) => {
        const { status, body } = await get(`${apiUrl}/api/v2/events`, BEARER)
        expect([status, JSON.parse(body.toString()).error.code]).toEqual([503, 'events_off'])
      },
      { REDSWARM_EVENTS_MAX: '0' },
    )
  })

  it('go on when Redis was away for a moment', () =>
    withApi(async ({ httpUrl, apiUrl }) => {
      const reader = await readEvents(apiUrl)
      await server().redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
      await until('the tracker to serve again', async () => !('failure reason' in (await announce(httpUrl))))
      await until('the event to come', () => reader.told().includes('added a'))
      await reader.close()
    }))

  it('disconnect a reader that does not read, and no other', () =>
    withApi(async ({ apiUrl }) => {
      const { hostname, port } = new URL(apiUrl)
      const [slow, quick] = [1, 2].map(() => {
        const socket = connect(Number(port), hostname)
        socket.on('error', () => {})
        socket.write(`GET /api/v2/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TOKEN}\r\n\r\n`)
        return socket
      }) as [Socket, Socket]
      slow.pause()
      let read = 0
      quick.on('data', (bytes) => {
        read += bytes.toString().split('info_hash').length - 1
      })
      await until('the quick reader to be there', () => quick.bytesRead > 0)
      const { redis } = server()
      const hex = hashOf('a').toString('hex')
      let written = 0
      // More than the system's own buffers have room for.
      for (; written < 150_000; written += 2000) {
        const steps = redis.pipeline()
        for (let i = 0; i < 2000; i++) {
          steps.xadd(keys.events, 'MAXLEN', '~', 20_000, '*', 'event', 'added', 'info_hash', hex)
        }
        await steps.exec()
        await until('the quick reader to have them', () => read > written - 10_000)
      }
      await until('the quick reader to have nearly all', () => read >= written - 100)
      const closed = once(slow, 'close')
      slow.resume()
      await closed
      expect(slow.bytesRead).toBeLessThan(quick.bytesRead - 1_000_000)
      expect(quick.closed).toBe(false)
      quick.destroy()
    }))

  it('end at once when the tracker stops', async () => {
    let reader: Awaited<ReturnType<typeof readEvents>> | undefined
    let stoppedMs = 0
    await withApi(async ({ apiUrl }) => {
      reader = await readEvents(apiUrl)
      stoppedMs = performance.now()
    })
    expect(performance.now() - stoppedMs).toBeLessThan(2500)
    await reader?.close()
  })

  it('answers 503 to a reader too many, and to the next where one has gone', () =>
    withApi(async ({ apiUrl }) => {
      const readers = await Promise.all(Array.from({ length: 100 }, () => readEvents(apiUrl)))
      const { status, body } = await get(`${apiUrl}/api/v2/events`, BEARER)
      expect([status, JSON.parse(body.toString()).error.code]).toEqual([503, 'busy'])
      await readers[0]?.close()
      await until('the place to be free', async () => {
        const next = await readEvents(apiUrl)
        await next.close()
        return next.response.status === 200
      })
      await Promise.all(readers.map((reader) => reader.close()))
    }))

  it('answers 500 where somebody else`s key has the stream`s name, and serves announces all the same', () =>
    withApi(async ({ httpUrl, apiUrl }) => {
      await server().redis.set(keys.events, 'x')
      expect(await announce(httpUrl, { left: 0, event: 'completed' })).toMatchObject({ complete: 1, downloaded: 1 })
      const { status, body } = await get(`${apiUrl}/api/v2/events`, BEARER)
      expect([status, JSON.parse(body.toString()).error.code]).toEqual([500, 'store_error'])
    }))
})

describe('the export of the API v2', () => {
  const server = useRedis()
  const withApi = <T>(test: (tracker: TestTracker) => Promise<T>) => withTracker(server().url, {}, test)
  const fill = async (count: number) => {
    const hexes = Array.from({ length: count }, (_, i) =>
      ((i * 2_654_435_761) % 2 ** 32).toString(16).padStart(8, '0').padEnd(40, '0'),
    )
    await storeOn(server().redis).announce(hexes.map((hex) => announceOf({ infoHash: hashOf(hex) })))
    return hexes.sort()
  }
  const lineOf = (hex: string) => `{"info_hash":"${hex}","seeders":0,"leechers":1,"completed":0}\n`

  it.each([
    ['identity', false],
    ['gzip', true],
    ['br;q=1, gzip;q=0.5', true],
    ['gzip;q=1.0,deflate;q=0.6', true],
    ['gzip;q=0', false],
    ['*;q=0.1', true],
    ['gzip;q=0.000, *', false],
  ])('has all torrents in order, accepted as %s', (accepted, isCompressed) =>
    withApi(async ({ apiUrl }) => {
      const hexes = await fill(3000)
      const { hostname, port } = new URL(apiUrl)
      const socket = connect(Number(port), hostname)
      socket.write(
        `GET /api/v2/export HTTP/1.0\r\nauthorization: Bearer ${TOKEN}\r\naccept-encoding: ${accepted}\r\n\r\n`,
      )
      const answer = Buffer.concat(await socket.toArray())
      const [head = ''] = answer.toString('latin1').split('\r\n\r\n', 1)
      const body = answer.subarray(head.length + 4)
      const isGzip = /^content-encoding: gzip$/im.test(head)
      expect(isGzip).toBe(isCompressed)
      expect(head).toMatch(/^content-type: application\/x-ndjson$/im)
      expect((isGzip ? gunzipSync(body) : body).toString()).toBe(hexes.map(lineOf).join(''))
    }),
  )

  it('is empty where there are no torrents', () =>
    withApi(async ({ apiUrl }) => {
      expect(await (await fetch(`${apiUrl}/api/v2/export`, { headers: BEARER })).text()).toBe('')
    }))

  it('waits for a reader that does not read, ends when it goes, and two are under way at most', () =>
    withApi(async ({ apiUrl }) => {
      const { redis } = server()
      await fill(100_000)
      const { hostname, port } = new URL(apiUrl)
      const sockets = [1, 2].map(() => {
        const socket = connect(Number(port), hostname)
        socket.on('error', () => {})
        socket.pause()
        socket.write(`GET /api/v2/export HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TOKEN}\r\n\r\n`)
        return socket
      })
      const scans = async () => Number(/cmdstat_zrange:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0)
      await until('the exports to begin', async () => (await scans()) > 2)
      const third = await get(`${apiUrl}/api/v2/export`, BEARER)
      expect([third.status, JSON.parse(third.body.toString()).error.code]).toEqual([503, 'busy'])
      for (const socket of sockets) socket.destroy()
      await until('a place to be free', async () => {
        const response = await fetch(`${apiUrl}/api/v2/export`, { headers: BEARER })
        await response.body?.cancel()
        return response.status === 200
      })
      await sleep(300)
      const before = await scans()
      await sleep(500)
      expect(await scans()).toBe(before)
    }))
})
