import { describe, expect, it } from 'vitest'
import { makeBanList } from '../../lib/store/bans.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { get } from '../support/http-client.ts'
import { scrapeMetrics } from '../support/prometheus.ts'
import { until, useRedis } from '../support/redis.ts'
import { withTracker } from '../support/tracker.ts'
import { UdpClient } from '../support/udp-client.ts'

describe('a banned address', () => {
  const server = useRedis()

  it('is left unanswered over UDP and refused over HTTP within a second, others are served, and again when it ends', () =>
    withTracker(server().url, {}, async ({ udpPort, httpUrl, metricsUrl }) => {
      const bans = makeBanList({ redis: server().redis, keys: makeKeys('') })
      const [banned, other] = [await UdpClient.open(udpPort), await UdpClient.open(udpPort, '127.0.0.1', '127.0.0.2')]
      const isServed = (client: UdpClient) =>
        client.connect().then(
          () => true,
          () => false,
        )
      expect(await isServed(banned)).toBe(true)
      await bans.put([['127.0.0.1', '0']])
      const startMs = performance.now()
      await until('the ban', async () => (await get(`${httpUrl}/scrape`)).body.toString().includes('banned'))
      expect(performance.now() - startMs).toBeLessThan(1000)
      expect(await isServed(other)).toBe(true)
      expect(await isServed(banned)).toBe(false)
      const samples = await scrapeMetrics(metricsUrl)
      expect(samples.get('redswarm_datagrams_dropped_total{cause="banned"}')).toBe(1)
      expect(samples.get('redswarm_refusals_total{cause="banned"}')).toBeGreaterThan(0)
      await bans.remove(['127.0.0.1'])
      await until('the end of the ban', () => isServed(banned), 10_000)
      banned.close()
      other.close()
    }))
})
