import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { EVENT } from '../../lib/wire/announce.ts'
import { parseUdpReply } from '../../lib/wire/udp-reply.ts'
import { writeConnectRequest, writeScrapeRequest } from '../../lib/wire/udp-request.ts'
import { until, useRedis } from '../support/redis.ts'
import { hashOf } from '../support/store.ts'
import { type TestTracker, withTracker } from '../support/tracker.ts'
import { UdpClient } from '../support/udp-client.ts'

const BOTH_FAMILIES = '127.0.0.1:0,[::1]:0'

describe('the UDP tracker', () => {
  const server = useRedis()
  const withUdp = <T>(test: (tracker: TestTracker) => Promise<T>, settings: Record<string, string> = {}) =>
    withTracker(server().url, { roles: ['udp'], settings }, test)

  /** Runs with connected clients, each at an address of its own: 127.0.0.1, 127.0.0.2, ... */
  const withClients = (count: number, test: (...clients: UdpClient[]) => Promise<void>, settings = {}) =>
    withUdp(async ({ udpPort }) => {
      const clients: UdpClient[] = []
      for (let i = 1; i <= count; i++) clients.push(await UdpClient.open(udpPort, '127.0.0.1', `127.0.0.${i}`))
      for (const client of clients) await client.connect()
      await test(...clients).finally(() => {
        for (const client of clients) client.close()
      })
    }, settings)

  it('lets a leecher find a seeder', () =>
    withClients(2, async (seeder, leecher) => {
      const first = await (seeder as UdpClient).announce({ left: 0n, event: EVENT.started, port: 7001 })
      expect(first).toMatchObject({ seeders: 1, leechers: 0 })
      expect(first.peers).toHaveLength(0)
      const second = await (leecher as UdpClient).announce({ port: 7002 })
      expect(second).toMatchObject({ seeders: 1, leechers: 1 })
      expect(second.peers.toString('hex')).toBe('7f0000011b59')
    }))

  it('answers a scrape in the order asked, doubles in their places, unknown ones with zeros', () =>
    withClients(1, async (client) => {
      await client?.announce({ left: 0n, event: EVENT.completed })
      const none = { seeders: 0, leechers: 0, completed: 0 }
      const own = { seeders: 1, leechers: 0, completed: 1 }
      expect(await client?.scrape([hashOf('b'), hashOf('a'), hashOf('b'), hashOf('a')])).toEqual([none, own, none, own])
      expect(await client?.scrape(Array.from({ length: 75 }, () => hashOf('a')))).toHaveLength(74)
    }))

  it('scrapes zeros of a torrent that is taken off the whitelist', () =>
    withClients(
      1,
      async (client) => {
        await server().redis.sadd('whitelist:{a00}', hashOf('a').toString('hex'))
        await client?.announce({ left: 0n })
        expect(await client?.scrape([hashOf('a')])).toMatchObject([{ seeders: 1 }])
        await server().redis.srem('whitelist:{a00}', hashOf('a').toString('hex'))
        expect(await client?.scrape([hashOf('a')])).toMatchObject([{ seeders: 0 }])
      },
      { REDSWARM_LISTED: 'true' },
    ))

  it('tells an interval that is spread by at most 10 %', () =>
    withClients(
      1,
      async (client) => {
        const intervals = new Set<number>()
        for (let i = 0; i < 20; i++) intervals.add((await client?.announce())?.intervalS as number)
        expect(Math.min(...intervals)).toBeGreaterThanOrEqual(1000)
        expect(Math.max(...intervals)).toBeLessThanOrEqual(1100)
        expect(intervals.size).toBeGreaterThan(1)
      },
      { REDSWARM_ANNOUNCE_INTERVAL_S: '1000' },
    ))

  it('gives as many peers as wanted, never more than the most, and its default where a client does not say', () =>
    withClients(
      1,
      async (client) => {
        for (let port = 1; port <= 30; port++) await client?.announce({ port, left: 0n })
        const told = async (numwant: number) => ((await client?.announce({ port: 99, numwant }))?.peers.length ?? 0) / 6
        expect([await told(-1), await told(0), await told(5), await told(1000)]).toEqual([10, 0, 5, 20])
      },
      { REDSWARM_NUMWANT_DEFAULT: '10', REDSWARM_NUMWANT_MAX: '20' },
    ))

  it('never sends more than one unfragmented packet', () =>
    withUdp(
      async ({ udp }) => {
        for (const [i, address, peersMax, bytesMax] of [
          [0, '127.0.0.1', 242, 1472],
          [1, '::1', 79, 1452],
        ] as const) {
          const client = await UdpClient.open(udp[i]?.port as number, address)
          await client.connect()
          for (let port = 1; port <= 300; port++) await client.announce({ port, left: 0n, numwant: 0 })
          const reply = await client.exchange(client.announceRequest({ numwant: 10_000 }))
          expect(reply?.length).toBe(20 + peersMax * (address === '::1' ? 18 : 6))
          expect(reply?.length).toBeLessThanOrEqual(bytesMax)
          client.close()
        }
      },
      { REDSWARM_NUMWANT_MAX: '242', REDSWARM_UDP_LISTEN: BOTH_FAMILIES },
    ))

  it('counts both families together and gives each client peers of its own', () =>
    withUdp(
      async ({ udp }) => {
        const four = await UdpClient.open(udp[0]?.port as number, '127.0.0.1')
        const six = await UdpClient.open(udp[1]?.port as number, '::1')
        await four.connect()
        await six.connect()
        await four.announce({ left: 0n, port: 4 })
        await six.announce({ left: 0n, port: 6 })
        const toFour = await four.announce({ port: 44 })
        const toSix = await six.announce({ port: 66 })
        expect(toFour).toMatchObject({ seeders: 2, leechers: 1 })
        expect(toFour.peers.toString('hex')).toBe('7f0000010004')
        expect(toSix).toMatchObject({ seeders: 2, leechers: 2 })
        expect(toSix.peers.toString('hex')).toBe(`${'00'.repeat(15)}010006`)
        four.close()
        six.close()
      },
      { REDSWARM_UDP_LISTEN: BOTH_FAMILIES },
    ))

  it('listens on an IPv4-mapped address as on the IPv4 address that it is, over HTTP too', () => {
    const settings = { REDSWARM_UDP_LISTEN: '[::ffff:127.0.0.1]:0', REDSWARM_HTTP_LISTEN: '[::ffff:127.0.0.1]:0' }
    return withTracker(server().url, { roles: ['udp', 'http'], settings }, async ({ udpPort, http }) => {
      const client = await UdpClient.open(udpPort)
      await client.connect()
      await client.announce({ left: 0n, port: 4 })
      expect((await client.announce({ port: 5 })).peers.toString('hex')).toBe('7f0000010004')
      client.close()
      expect((await fetch(`http://127.0.0.1:${http[0]?.port}/health_check`)).status).toBe(200)
    })
  })

  it('takes a peer out as soon as it says that it stopped', () =>
    withClients(2, async (seeder, leecher) => {
      await seeder?.announce({ left: 0n })
      const goodbye = await seeder?.announce({ left: 0n, event: EVENT.stopped, port: 0 })
      expect(goodbye).toMatchObject({ seeders: 1 })
      await seeder?.announce({ left: 0n, event: EVENT.stopped })
      expect(await leecher?.announce()).toMatchObject({ seeders: 0, leechers: 1 })
    }))

  it('refuses port 0 with the transaction id of the request', () =>
    withClients(1, async (client) => {
      await expect(client?.announce({ port: 0 })).rejects.toThrow('port must not be 0')
      expect(await server().redis.keys('swarm:*')).toEqual([])
    }))

  it('takes the connection id of an address from any of its ports, and from no other address', () =>
    withClients(2, async (first, second) => {
      const sameAddress = await UdpClient.open(first?.trackerPort as number, '127.0.0.1', '127.0.0.1')
      sameAddress.connectionId = first?.connectionId as Buffer
      expect(await sameAddress.announce()).toMatchObject({ leechers: 1 })
      if (second) second.connectionId = first?.connectionId as Buffer
      await expect(second?.announce()).rejects.toThrow('bad connection id')
      await expect(second?.scrape([hashOf('a')])).rejects.toThrow('bad connection id')
      sameAddress.close()
    }))

  it('takes a connection id that another frontend issued', () =>
    withUdp((one) =>
      withUdp(async (other) => {
        const client = await UdpClient.open(one.udpPort)
        await client.connect()
        const elsewhere = await UdpClient.open(other.udpPort)
        elsewhere.connectionId = client.connectionId
        expect(await elsewhere.announce({ left: 0n })).toMatchObject({ seeders: 1 })
        client.close()
        elsewhere.close()
      }),
    ))

  it('sends an address only so many errors, each no longer than the request, and serves its valid ids all the same', () =>
    withClients(2, async (client, neighbour) => {
      const forged = () => {
        const request = client?.announceRequest() as Buffer
        randomBytes(8).copy(request)
        return client?.exchange(request, 100)
      }
      const errors = (await Promise.all(Array.from({ length: 40 }, forged))).filter((reply) => reply !== undefined)
      expect(errors).toHaveLength(10)
      for (const error of errors) expect(error.length).toBeLessThanOrEqual(98)
      expect(await client?.announce()).toMatchObject({ leechers: 1 })
      if (neighbour) neighbour.connectionId = Buffer.alloc(8)
      await expect(neighbour?.announce()).rejects.toThrow('bad connection id')
    }))

  it('is silent to a bad connection id where the error would be longer than what was sent', () =>
    withClients(1, async (client) => {
      const request = { connectionId: Buffer.alloc(8), transactionId: 5 }
      const shortest = writeScrapeRequest({ ...request, infoHashes: [] })
      expect(shortest).toHaveLength(16)
      expect(await client?.exchange(shortest, 100)).toBeUndefined()
      const longer = await client?.exchange(writeScrapeRequest({ ...request, infoHashes: [hashOf('a')] }))
      expect(longer && parseUdpReply(longer)).toMatchObject({ value: { message: 'bad connection id' } })
    }))

  it('is silent to what is no request, and goes on', () =>
    withUdp(async ({ udpPort }) => {
      const client = await UdpClient.open(udpPort)
      const noMagic = writeConnectRequest(7)
      noMagic[0] = 9
      for (const datagram of [Buffer.alloc(0), Buffer.alloc(15), Buffer.alloc(1496), noMagic]) client.send(datagram)
      expect(await client.exchange(noMagic, 100)).toBeUndefined()
      const reply = await client.exchange(Buffer.concat([writeConnectRequest(0xffff_fffe), Buffer.alloc(10)]))
      expect(reply && parseUdpReply(reply)).toMatchObject({
        ok: true,
        value: { action: 0, transactionId: 0xffff_fffe },
      })
      await until('all to be counted', async () => {
        const stats = await server().redis.hgetall('stats')
        return stats.udp_ignored === '5' && stats.udp4_connections === '1'
      })
      client.close()
    }))

  it('answers an error while Redis hangs, and serves again within a second of its return', () =>
    withClients(1, async (client) => {
      await client?.announce({ left: 0n })
      server().process.kill('SIGSTOP')
      try {
        const reply = await client?.exchange(client.announceRequest({ left: 0n }), 4000)
        expect(reply?.toString('latin1')).toContain('tracker is temporarily unavailable')
      } finally {
        server().process.kill('SIGCONT')
      }
      const serves = () =>
        (client as UdpClient).announce({ left: 0n }).then(
          () => true,
          () => false,
        )
      await until('service to resume', serves, 1000)
    }))

  it('answers what is in work before it stops', async () => {
    let asked: Promise<unknown> | undefined
    await withUdp(async ({ udpPort, stop }) => {
      const client = await UdpClient.open(udpPort)
      await client.connect()
      await server().redis.call('CLIENT', ['PAUSE', '300', 'ALL'])
      asked = client.announce()
      await new Promise((resolve) => setTimeout(resolve, 50))
      expect(await stop()).toEqual([])
      expect(await asked).toMatchObject({ leechers: 1 })
      client.close()
    })
  })
})
