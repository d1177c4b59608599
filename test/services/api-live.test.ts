import { once } from 'node:events'
import type { Socket } from 'node:net'
import { Compile } from 'typebox/compile'
import { describe, expect, it } from 'vitest'
import { makeKeys } from '../../lib/store/keys.ts'
import { HistoryItem, type Snapshot, SnapshotItem } from '../../services/api/v2/live-schemas.ts'
import { call, errorIn } from '../support/api.ts'
import { announce } from '../support/http-client.ts'
import { followLive, openLive } from '../support/live.ts'
import { until, useRedis } from '../support/redis.ts'
import { readSse } from '../support/sse.ts'
import { type TestTracker, withTracker } from '../support/tracker.ts'

const keys = makeKeys('')

describe('the live figures of the API v2', () => {
  const server = useRedis()
  const withApi = (test: (tracker: TestTracker) => Promise<void>) => withTracker(server().url, {}, test)
  const callsOf = async (command: string): Promise<number> => {
    const stats = await server().redis.info('commandstats')
    return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)
  }

  it('tell rates, totals, processes, Redis and events, as their schema says', () =>
    withApi(async ({ apiUrl, httpUrl }) => {
      const reader = await followLive(apiUrl)
      expect(reader.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
      expect(reader.response.headers.get('cache-control')).toBe('no-store')
      await until('rates to be known', () => reader.last()?.rates !== undefined && reader.last()?.rates !== null)
      for (let port = 1; port <= 20; port++) await announce(httpUrl, { port, left: port % 2 })
      await until('the announces to show', () => (reader.last()?.rates?.tcp4_announces as number) > 0)
      const { at, problem, redis, rates, instances, events } = reader.last() as Snapshot
      expect(problem).toBeNull()
      expect(Math.abs(at - Date.now())).toBeLessThan(60_000)
      expect(rates).toMatchObject({ tcp4_scrapes: 0, udp4_announces: 0 })
      expect(instances).toMatchObject([{ roles: ['udp', 'http', 'api'], pid: process.pid, is_silent: false }])
      expect(events).toMatchObject([{ event: 'added' }])
      expect(redis).toMatchObject({ kind: 'redis', role: 'master', has_aof: false, max_bytes: null, is_loading: false })
      for (const snapshot of reader.snapshots()) expect(Compile(SnapshotItem).Errors(snapshot)).toEqual([])
      // Who comes later begins with the rates of the minutes before.
      const later = await followLive(apiUrl)
      await until('the history', () => later.events().length > 0)
      expect(Compile(HistoryItem).Errors(later.history())).toEqual([])
      expect(later.history().at).toEqual(reader.snapshots().flatMap((each) => (each.rates ? [each.at] : [])))
      expect(later.history().rates.tcp4_announces).toHaveLength(later.history().at.length)
      expect(reader.history().at).toEqual([])
      await Promise.all([reader.close(), later.close()])
    }))

  it('are read from Redis once, however many read them, and the totals every 10 s at most', () =>
    withApi(async ({ apiUrl }) => {
      const readers = await Promise.all(Array.from({ length: 20 }, () => followLive(apiUrl)))
      await until('each to have some', () => readers.every((reader) => reader.snapshots().length >= 2))
      const [info, totals] = [await callsOf('info'), await callsOf('hmget')]
      const counts = readers.map((reader) => reader.snapshots().length)
      await until('each to have more', () =>
        readers.every((reader, i) => reader.snapshots().length >= (counts[i] as number) + 2),
      )
      // The test's own call is one of them.
      expect((await callsOf('info')) - info).toBeLessThanOrEqual(5)
      expect((await callsOf('hmget')) - totals).toBeLessThan(100)
      expect(readers[0]?.last()?.totals).toEqual(readers[19]?.last()?.totals)
      expect(readers[0]?.last()).toEqual(readers[19]?.snapshots().find(({ at }) => at === readers[0]?.last()?.at))
      await Promise.all(readers.map((reader) => reader.close()))
    }))

  it('read nothing before somebody asks', () =>
    withApi(async ({ apiUrl, httpUrl }) => {
      await server().redis.config('RESETSTAT')
      await announce(httpUrl)
      await until(
        'the frontend to have flushed',
        async () => (await server().redis.hget('stats', 'tcp4_announces')) === '1',
      )
      expect([await callsOf('hgetall'), await callsOf('xrevrange')]).toEqual([0, 0])
      const reader = await followLive(apiUrl)
      await until('a snapshot', () => reader.snapshots().length > 0)
      expect(await callsOf('hgetall')).toBeGreaterThan(1)
      await reader.close()
    }))

  it('read the rates alone, so that who comes back sees no gap, where the last reader has gone', () =>
    withApi(async ({ apiUrl }) => {
      const reader = await followLive(apiUrl)
      await until('rates', () => reader.last()?.rates != null)
      await reader.close()
      const leftAt = reader.last()?.at as number
      // A snapshot may be under way.
      const isCounted = await callsOf('hgetall')
      await until('the next reading', async () => (await callsOf('hgetall')) >= isCounted + 2)
      const [counters, events] = [await callsOf('hgetall'), await callsOf('xrevrange')]
      await until('the rates to go on', async () => (await callsOf('hgetall')) >= counters + 2)
      expect(await callsOf('xrevrange')).toBe(events)
      const later = await followLive(apiUrl)
      await until('the history', () => later.events().length > 0)
      expect(later.history().at.filter((at: number) => at > leftAt).length).toBeGreaterThanOrEqual(2)
      await later.close()
    }))

  it('need a token, of which one that may only read is enough', () =>
    withTracker(
      server().url,
      { settings: { REDSWARM_API_TOKENS: 'eyes:read:a-token-to-read' } },
      async ({ apiUrl }) => {
        expect(errorIn(await call(`${apiUrl}/api/v2/live`, { token: '' }))).toMatchObject({ status: 401 })
        expect(errorIn(await call(`${apiUrl}/api/v2/live`, { token: 'wrong-token' }))).toMatchObject({
          status: 401,
          message: 'the token is not valid',
        })
        const reader = await readSse(`${apiUrl}/api/v2/live`, { authorization: 'Bearer a-token-to-read' })
        expect(reader.response.status).toBe(200)
        await reader.close()
      },
    ))

  it('answer 503 to a reader too many, and serve the next where one has gone', () =>
    withApi(async ({ apiUrl }) => {
      const readers = await Promise.all(Array.from({ length: 100 }, () => followLive(apiUrl)))
      expect(errorIn(await call(`${apiUrl}/api/v2/live`))).toEqual({
        status: 503,
        code: 'busy',
        message: '100 readers are there already',
      })
      await readers[0]?.close()
      await until('the place to be free', async () => {
        const next = await followLive(apiUrl)
        await next.close()
        return next.response.status === 200
      })
      await Promise.all(readers.map((reader) => reader.close()))
    }))

  it('end at once when the tracker stops', async () => {
    let socket: Socket | undefined
    let stoppedMs = 0
    await withApi(async ({ apiUrl }) => {
      socket = openLive(apiUrl)
      await once(socket, 'data')
      stoppedMs = performance.now()
    })
    expect(performance.now() - stoppedMs).toBeLessThan(2500)
    socket?.destroy()
  })

  it('say that somebody else`s key is no hash, and tell the rest', () =>
    withApi(async ({ apiUrl }) => {
      await server().redis.set(keys.events, 'x')
      await server().redis.hset(keys.totals('000'), 'seeders', 'many')
      const reader = await followLive(apiUrl)
      await until('a snapshot', () => reader.snapshots().length > 0)
      const { problem, redis, events, totals } = reader.last() as Snapshot
      expect(problem).toContain('WRONGTYPE')
      expect(problem).toContain('the count seeders in Redis is damaged')
      expect([events, totals, redis?.kind]).toEqual([null, null, 'redis'])
      await reader.close()
    }))
})
