import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { EVENT } from '../../lib/wire/announce.ts'
import { call, errorIn } from '../support/api.ts'
import { announce, get } from '../support/http-client.ts'
import { scrapeMetrics } from '../support/prometheus.ts'
import { startRedis, until, useRedis } from '../support/redis.ts'
import { hashOf } from '../support/store.ts'
import { withTracker } from '../support/tracker.ts'
import { UdpClient } from '../support/udp-client.ts'

const requests = (protocol: string, kind: string, outcome: string, family = 'ipv4') =>
  `redswarm_requests_total{protocol="${protocol}",family="${family}",kind="${kind}",outcome="${outcome}"}`

describe('the metrics of a process', () => {
  const server = useRedis()

  it('count requests by protocol, family, kind and outcome, and time them', () =>
    withTracker(server().url, { settings: { REDSWARM_LISTED: 'true' } }, async ({ udpPort, httpUrl, metricsUrl }) => {
      await server().redis.sadd('whitelist:{a00}', hashOf('a').toString('hex'))
      const udp = await UdpClient.open(udpPort)
      await udp.connect()
      await udp.announce({ left: 0n, event: EVENT.completed, port: 7001 })
      await udp.announce({ port: 7002, infoHash: hashOf('b') }).catch(() => {})
      await udp.announce({ port: 0 }).catch(() => {})
      await udp.scrape([hashOf('a')])
      udp.close()
      await announce(httpUrl, { port: 7003 })
      await get(`${httpUrl}/announce`)
      await get(`${httpUrl}/scrape?info_hash=${'a'.repeat(20)}&info_hash=${'b'.repeat(20)}`)
      const samples = await scrapeMetrics(metricsUrl)
      const told = (names: string[]) => names.map((name) => samples.get(name))
      expect(
        told([
          requests('udp', 'connect', 'ok'),
          requests('udp', 'announce', 'ok'),
          requests('udp', 'announce', 'refused'),
          requests('udp', 'scrape', 'ok'),
          requests('udp', 'unknown', 'invalid'),
          requests('udp', 'announce', 'ok', 'ipv6'),
        ]),
      ).toEqual([1, 1, 1, 1, 1, 0])
      expect(
        told([
          requests('http', 'announce', 'ok'),
          requests('http', 'announce', 'refused'),
          requests('http', 'unknown', 'invalid'),
          'redswarm_refusals_total{cause="unlisted"}',
        ]),
      ).toEqual([1, 0, 1, 1])
      const times = (protocol: string, kind: string) => {
        const labels = `protocol="${protocol}",kind="${kind}"`
        return told([
          `redswarm_request_duration_seconds_count{${labels}}`,
          `redswarm_request_duration_seconds_bucket{${labels},le="+Inf"}`,
        ])
      }
      expect([times('udp', 'connect'), times('udp', 'announce'), times('udp', 'scrape')]).toEqual([
        [1, 1],
        [2, 2],
        [1, 1],
      ])
      expect([times('http', 'announce'), times('http', 'scrape')]).toEqual([
        [1, 1],
        [1, 1],
      ])
      expect(samples.get('redswarm_request_duration_seconds_sum{protocol="udp",kind="announce"}')).toBeGreaterThan(0)
      expect(told(['redswarm_batch_size_sum{kind="announces"}', 'redswarm_waiting{kind="announces"}'])).toEqual([3, 0])
      expect(told(['redswarm_batch_size_sum{kind="scrapes"}', 'redswarm_batch_size_sum{kind="datagrams"}'])).toEqual([
        3, 5,
      ])
      const calls = (script: string) => samples.get(`redswarm_redis_call_duration_seconds_count{script="${script}"}`)
      expect([calls('announce'), calls('scrape')]).toEqual([3, 2])
    }))

  it('tell in the API`s process what all share: torrents, peers, processes, the last audit, memory', () =>
    withTracker(server().url, {}, async ({ udpPort, metricsUrl }) => {
      await server().redis.hset('audit', { at: 1_700_000_000, drift: 3 })
      await server().redis.hset('sweeper', { swept: 1_700_000_001 })
      const udp = await UdpClient.open(udpPort)
      await udp.connect()
      await udp.announce({ left: 0n, event: EVENT.completed, port: 7001 })
      for (const port of [7002, 7003]) await udp.announce({ port })
      udp.close()
      const samples = await scrapeMetrics(metricsUrl)
      expect(Object.fromEntries(samples)).toMatchObject({
        redswarm_torrents: 1,
        'redswarm_peers{role="seeder"}': 1,
        'redswarm_peers{role="leecher"}': 2,
        redswarm_completed: 1,
        'redswarm_processes{state="alive"}': 1,
        'redswarm_processes{state="silent"}': 0,
        redswarm_audit_drift: 3,
        redswarm_audit_timestamp_seconds: 1_700_000_000,
        redswarm_swept_timestamp_seconds: 1_700_000_001,
        redswarm_redis_memory_max_bytes: 0,
        redswarm_redis_up: 1,
        'redswarm_info{version="0.0.0-test",roles="udp,http,api"}': 1,
      })
      expect(samples.get('redswarm_redis_memory_bytes')).toBeGreaterThan(100_000)
      expect(samples.has('redswarm_eviction_hold_timestamp_seconds')).toBe(false)
      expect([...samples.keys()]).toContain('nodejs_eventloop_lag_p99_seconds')
      // What is read of Redis is kept for ten seconds.
      await server().redis.hset('audit', { drift: 4 })
      expect((await scrapeMetrics(metricsUrl)).get('redswarm_audit_drift')).toBe(3)
    }))

  it('tell of the sweeps that the process ran', async () => {
    const settings = {
      ...{ REDSWARM_PEER_LIFETIME_S: '6', REDSWARM_ANNOUNCE_INTERVAL_S: '2', REDSWARM_ANNOUNCE_MIN_INTERVAL_S: '1' },
      // On a busy machine a sweep takes more than a second, and its end is to be seen before the next begins.
      REDSWARM_SWEEP_INTERVAL_S: '3',
    }
    await withTracker(server().url, { roles: ['udp', 'sweeper'], settings }, async ({ udpPort, metricsUrl }) => {
      const udp = await UdpClient.open(udpPort)
      await udp.connect()
      for (const port of [7001, 7002]) await udp.announce({ port })
      udp.close()
      let samples = new Map<string, number>()
      await until('both peers to be evicted', async () => {
        samples = await scrapeMetrics(metricsUrl)
        return samples.get('redswarm_sweep_evictions_total{kind="peer"}') === 2
      })
      expect(samples.get('redswarm_sweep_evictions_total{kind="torrent"}')).toBe(1)
      await until('the sweep to end', async () => {
        samples = await scrapeMetrics(metricsUrl)
        return samples.get('redswarm_sweep_shards_done') === 4096
      })
      expect(samples.get('redswarm_sweep_duration_seconds_count')).toBeGreaterThan(0)
    })
  })

  it('are told while Redis is away, with readiness, which is false then, apart from liveness', async () => {
    const redis = await startRedis()
    try {
      await withTracker(redis.url, {}, async ({ metricsUrl, httpUrl }) => {
        const probe = async (name: string) => (await call(`${metricsUrl}/health/${name}`, { token: '' })).status
        expect([await probe('live'), await probe('ready')]).toEqual([200, 200])
        redis.process.kill('SIGKILL')
        await until('readiness to end', async () => (await probe('ready')) === 503)
        expect(await probe('live')).toBe(200)
        await announce(httpUrl, { port: 7001 }).catch(() => {})
        const samples = await scrapeMetrics(metricsUrl)
        expect([samples.get('redswarm_redis_up'), samples.has('redswarm_torrents')]).toEqual([0, false])
        expect(samples.get('redswarm_refusals_total{cause="away"}')).toBe(1)
        expect(samples.get(requests('http', 'announce', 'refused'))).toBe(1)
      })
    } finally {
      await redis.stop()
    }
  })

  it('count no request as served before it is, so that no counter ever shrinks', async () => {
    const redis = await startRedis()
    await withTracker(redis.url, { roles: ['udp', 'http'] }, async ({ udpPort, httpUrl, metricsUrl }) => {
      const udp = await UdpClient.open(udpPort)
      await udp.connect()
      const askAll = () =>
        Promise.allSettled([
          ...[udp.announce({ port: 7001 }), udp.scrape([hashOf('a')])],
          ...[announce(httpUrl, { port: 7002 }), get(`${httpUrl}/scrape?info_hash=${'a'.repeat(20)}`)],
        ])
      const served = async () => {
        const samples = await scrapeMetrics(metricsUrl)
        return ['udp', 'http'].map((protocol) =>
          ['announce', 'scrape'].map((kind) => samples.get(requests(protocol, kind, 'ok'))),
        )
      }
      const once = Array(2).fill([1, 1])
      await askAll()
      expect(await served()).toEqual(once)
      redis.process.kill('SIGSTOP')
      const refused = askAll()
      await until('all to wait for Redis', async () => {
        const samples = await scrapeMetrics(metricsUrl)
        return ['announces', 'scrapes'].every((kind) => samples.get(`redswarm_waiting{kind="${kind}"}`) === 2)
      })
      expect(await served()).toEqual(once)
      await refused
      expect(await served()).toEqual(once)
      udp.close()
    }).finally(redis.stop)
  })

  it('have a free port where the usual one is taken, unless a port was set', async () => {
    const usual = { REDSWARM_METRICS_LISTEN: '' }
    await withTracker(server().url, { roles: ['udp'], settings: usual }, (first) =>
      withTracker(server().url, { roles: ['udp'], settings: usual }, async (second) => {
        expect((await scrapeMetrics(first.metricsUrl)).get('redswarm_redis_up')).toBe(1)
        expect((await scrapeMetrics(second.metricsUrl)).get('redswarm_redis_up')).toBe(1)
        expect(first.metricsUrl).not.toBe(second.metricsUrl)
        const taken = { REDSWARM_METRICS_LISTEN: `127.0.0.1:${first.metrics[0]?.port}` }
        await expect(withTracker(server().url, { roles: ['udp'], settings: taken }, () => sleep(0))).rejects.toThrow(
          /port \d+ is in use by another program: stop that, or set REDSWARM_METRICS_LISTEN/,
        )
      }),
    )
  })

  it('are read only, and errors are of the one shape', () =>
    withTracker(server().url, { roles: ['udp'] }, async ({ metricsUrl }) => {
      const { status, headers } = await call(`${metricsUrl}/metrics`, { token: '' })
      expect([status, headers.get('content-type')]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8'])
      expect(errorIn(await call(`${metricsUrl}/metrics`, { method: 'POST' }))).toMatchObject({ status: 405 })
      expect(errorIn(await call(`${metricsUrl}/nothing`))).toMatchObject({ status: 404, code: 'not_found' })
    }))
})
