import { describe, expect, it } from 'vitest'
import { EVENT } from '../../lib/wire/announce.ts'
import { useRedis } from '../support/redis.ts'
import { hashOf } from '../support/store.ts'
import { type TestTracker, withTracker } from '../support/tracker.ts'
import { UdpClient } from '../support/udp-client.ts'

describe('the UDP tracker', () => {
  const server = useRedis()
  const withUdp = <T>(test: (tracker: TestTracker) => Promise<T>, settings: Record<string, string> = {}) =>
    withTracker(server().url, { roles: ['udp'], settings }, test)

  it('lets a leecher find a seeder', () =>
    withUdp(async ({ udpPort }) => {
      const seeder = await UdpClient.open(udpPort)
      const leecher = await UdpClient.open(udpPort, '127.0.0.1', '127.0.0.2')
      await seeder.connect()
      await leecher.connect()
      const first = await seeder.announce({ left: 0n, event: EVENT.started, port: 7001 })
      expect(first).toMatchObject({ seeders: 1, leechers: 0 })
      expect(first.peers).toHaveLength(0)
      const second = await leecher.announce({ port: 7002 })
      expect(second).toMatchObject({ seeders: 1, leechers: 1 })
      expect(second.peers.toString('hex')).toBe('7f0000011b59')
      expect(await leecher.scrape([hashOf('b'), hashOf('a'), hashOf('b')])).toEqual([
        { seeders: 0, leechers: 0, completed: 0 },
        { seeders: 1, leechers: 1, completed: 0 },
        { seeders: 0, leechers: 0, completed: 0 },
      ])
      seeder.close()
      leecher.close()
    }))
})
