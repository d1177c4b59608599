import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { call } from '../support/api.ts'
import { useRedis } from '../support/redis.ts'
import { withTracker } from '../support/tracker.ts'
import { UdpClient } from '../support/udp-client.ts'

const HOUR_MS = 3_600_000
/** A reading of the API's is kept for a second. */
const READING_MS = 1100

describe('a process whose machine has its clock set', () => {
  const server = useRedis()
  const ownNow = Date.now
  let aheadMs = 0
  beforeEach(() => {
    aheadMs = 0
    vi.spyOn(Date, 'now').mockImplementation(() => ownNow() + aheadMs)
  })
  afterEach(() => {
    vi.restoreAllMocks()
  })

  it.each([HOUR_MS, -HOUR_MS])('takes the connection ids that it issued before, %i ms from then', (stepMs) =>
    withTracker(server().url, { roles: ['udp'] }, async ({ udpPort }) => {
      const client = await UdpClient.open(udpPort)
      await client.connect()
      aheadMs = stepMs
      expect(await client.announce()).toMatchObject({ leechers: 1 })
      client.close()
    }),
  )

  it.each([HOUR_MS, -HOUR_MS])(
    'issues connection ids that other frontends take, %i ms from when it started',
    (stepMs) =>
      withTracker(server().url, { roles: ['udp'] }, async ({ udpPort }) => {
        aheadMs = stepMs
        await withTracker(server().url, { roles: ['udp'] }, async (other) => {
          const [client, atOther] = await Promise.all([udpPort, other.udpPort].map((port) => UdpClient.open(port)))
          await client?.connect()
          if (atOther && client) atOther.connectionId = client.connectionId
          expect(await atOther?.announce()).toMatchObject({ leechers: 1 })
          for (const each of [client, atOther]) each?.close()
        })
      }),
  )

  it('tells in its API what is stored now, though the clock has gone back', () =>
    withTracker(server().url, { roles: ['udp', 'api'] }, async ({ udpPort, apiUrl }) => {
      const torrents = async () => JSON.parse((await call(`${apiUrl}/api/v2/stats`)).text).totals.torrents
      expect(await torrents()).toBe(0)
      aheadMs = -HOUR_MS
      const client = await UdpClient.open(udpPort)
      await client.connect()
      await client.announce()
      client.close()
      await sleep(READING_MS)
      expect(await torrents()).toBe(1)
    }))
})
