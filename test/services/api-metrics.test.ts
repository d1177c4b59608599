import { describe, expect, it } from 'vitest'
import { EVENT } from '../../lib/wire/announce.ts'
import { call, errorIn } from '../support/api.ts'
import { announce, get } from '../support/http-client.ts'
import { until, useRedis } from '../support/redis.ts'
import { type TestTracker, TOKEN, withTracker } from '../support/tracker.ts'
import { UdpClient } from '../support/udp-client.ts'

type Sample = { value: number; recorded_at: string; labels: { name: string; value: string }[] }
type Metric = { type: string; name: string; unit: string; description: string; samples: Sample[] }

describe('the metrics of the API', () => {
  const server = useRedis()

  /** A tracker that has been asked: over UDP 1 connect, 2 announces, 1 error, 1 piece of garbage; over HTTP 1 and 1. */
  const withUsedTracker = <T>(test: (tracker: TestTracker) => Promise<T>) =>
    withTracker(server().url, {}, async (tracker) => {
      const udp = await UdpClient.open(tracker.udpPort)
      await udp.connect()
      await udp.announce({ left: 0n, event: EVENT.completed, port: 7001 })
      await udp.announce({ port: 7002 })
      await udp.announce({ port: 0 }).catch(() => {})
      await announce(tracker.httpUrl, { port: 7003 })
      await get(`${tracker.httpUrl}/announce`)
      const isCounted = async () => {
        const { tcp4_announces_handled: http, udp4_errors_handled: errors } = JSON.parse(
          (await call(`${tracker.apiUrl}/api/v1/stats`)).text,
        )
        return http === 1 && errors === 1
      }
      await until('all to be counted', isCounted)
      udp.close()
      return test(tracker)
    })

  it('are the stats in Prometheus`s format, a line each, where that is asked for', () =>
    withUsedTracker(async ({ apiUrl }) => {
      const { status, headers, text } = await call(`${apiUrl}/api/v1/stats?token=${TOKEN}&format=prometheus`, {
        token: '',
      })
      expect([status, headers.get('content-type')]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8'])
      const json = await call(`${apiUrl}/api/v1/stats?format=json`)
      const { completed_persisted_enabled: isPersisted, ...counts } = JSON.parse(json.text)
      expect(isPersisted).toBe(true)
      const lines = Object.entries(counts).map(([name, count]) => `${name} ${count}\n`)
      expect(text).toBe(lines.join(''))
      for (const line of ['torrents 1', 'completed 1', 'udp4_requests 4', 'udp4_errors_handled 1'])
        expect(text).toContain(`${line}\n`)
    }))

  it('have Torrust`s names and labels in Prometheus`s format', () =>
    withUsedTracker(async ({ apiUrl }) => {
      const { headers, text } = await call(`${apiUrl}/api/v1/metrics?format=prometheus`)
      expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
      const inet = 'client_address_ip_family="inet"'
      for (const line of [
        '# TYPE http_tracker_core_requests_received_total counter',
        `http_tracker_core_requests_received_total{${inet},request_kind="announce",server_binding_protocol="http"} 1`,
        `redswarm_http_errors_total{${inet},server_binding_protocol="http"} 1`,
        `udp_tracker_core_requests_received_total{${inet},request_kind="connect",server_binding_protocol="udp"} 1`,
        `udp_tracker_server_requests_accepted_total{${inet},request_kind="announce",server_binding_protocol="udp"} 2`,
        `udp_tracker_server_requests_received_total{${inet},server_binding_protocol="udp"} 4`,
        `udp_tracker_server_errors_total{${inet},server_binding_protocol="udp"} 1`,
        `udp_tracker_server_responses_sent_total{${inet},result="ok",server_binding_protocol="udp"} 3`,
        'tracker_core_persisted_torrents_downloads_total 1',
        '# TYPE swarm_coordination_registry_torrents_total gauge',
        'swarm_coordination_registry_torrents_total 1',
        'swarm_coordination_registry_peer_connections_total{peer_role="seeder"} 1',
        'swarm_coordination_registry_peer_connections_total{peer_role="leecher"} 2',
        'redswarm_store_refusals_total{reason="busy"} 0',
      ])
        expect(text.split('\n')).toContain(line)
      const shape = /^(# HELP \w+ .+|# TYPE \w+ (counter|gauge)|\w+(\{(\w+="\w+",?)+\})? \d+|)$/
      expect(text.split('\n').filter((line) => !shape.test(line))).toEqual([])
      expect(text.endsWith('\n')).toBe(true)
    }))

  it('are JSON in Torrust`s shape where nothing is said', () =>
    withUsedTracker(async ({ apiUrl }) => {
      const answer = await call(`${apiUrl}/api/v1/metrics`)
      expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8')
      const { metrics } = JSON.parse(answer.text) as { metrics: Metric[] }
      const torrents = metrics.find(({ name }) => name === 'swarm_coordination_registry_torrents_total')
      const recordedAt = torrents?.samples[0]?.recorded_at ?? ''
      expect(recordedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00$/)
      expect(JSON.stringify(torrents)).toBe(
        '{"type":"gauge","name":"swarm_coordination_registry_torrents_total","unit":"count","description":"Torrents",' +
          `"samples":[{"value":1,"recorded_at":"${recordedAt}","labels":[]}]}`,
      )
      const requests = metrics.find(({ name }) => name === 'http_tracker_core_requests_received_total')
      expect(requests?.samples[0]).toMatchObject({
        value: 1,
        labels: [
          { name: 'client_address_ip_family', value: 'inet' },
          { name: 'request_kind', value: 'announce' },
          { name: 'server_binding_protocol', value: 'http' },
        ],
      })
      expect(new Set(metrics.map(({ name }) => name)).size).toBe(metrics.length)
    }))

  it.each(['stats', 'metrics'])('are refused in a format of /api/v1/%s that is none', (path) =>
    withTracker(server().url, {}, async ({ apiUrl }) => {
      const error = errorIn(await call(`${apiUrl}/api/v1/${path}?format=xml`))
      const message = 'format must be one of json, prometheus, not "xml"'
      expect(error).toEqual({ status: 400, code: 'bad_request', message })
      expect((await call(`${apiUrl}/api/v1/${path}?format=`)).status).toBe(200)
    }),
  )
})
