import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { makeKeys } from '../../lib/store/keys.ts'
import { agreeOnSecret } from '../../lib/store/secret.ts'
import { makeConnectionIds } from '../../lib/wire/connection-id.ts'
import { parseUdpReply } from '../../lib/wire/udp-reply.ts'
import { headerV2 } from '../support/proxy-header.ts'
import { until, useRedis } from '../support/redis.ts'
import { at } from '../support/store.ts'
import { withTracker } from '../support/tracker.ts'
import { UdpClient } from '../support/udp-client.ts'

/** By hand: FORGED_IDS=1000000, 20 s to a minute. */
const FORGED = Number(process.env.FORGED_IDS ?? 100_000)
/** As many as a socket's buffer holds, whatever the system grants, so that none is lost before the tracker. */
const BURST = 200
const VICTIM = '127.0.0.77'

describe('who forges connection ids', () => {
  const server = useRedis()
  /** An id that was issued to this address an hour ago. */
  async function expiredId(address: string): Promise<Buffer> {
    const secret = await agreeOnSecret(server().redis, makeKeys(''), undefined)
    return Buffer.from(makeConnectionIds({ secret, lifetimeS: 120 })([at(address)], Date.now() / 1000 - 3600).issue(0))
  }
  /** What a client is told by error for its announce; undefined where it gets silence. */
  async function errorFor(client: UdpClient, connectionId: Buffer, waitMs = 500): Promise<string | undefined> {
    const reply = await client.exchange(client.announceRequest({ connectionId }), waitMs)
    const parsed = reply && parseUdpReply(reply)
    return parsed?.ok && 'message' in parsed.value ? parsed.value.message : undefined
  }

  it(
    'cannot silence whose address it is: that is served at each request, gets new ids, and is told that an old one has expired',
    () =>
      withTracker(server().url, { roles: ['udp'] }, async ({ udpPort }) => {
        const victim = await UdpClient.open(udpPort, '127.0.0.1', VICTIM)
        await victim.connect()
        const expired = await expiredId(VICTIM)
        const forger = createSocket('udp4')
        forger.bind(0, VICTIM)
        await once(forger, 'listening')
        let errors = 0
        forger.on('message', () => errors++)
        const startMs = performance.now()
        for (let round = 0; round < FORGED / BURST; round++) {
          const datagrams = Array.from({ length: BURST }, () =>
            victim.announceRequest({ connectionId: randomBytes(8) }),
          )
          for (const datagram of datagrams) forger.send(datagram, udpPort, '127.0.0.1')
          if (round % 10 === 0) await victim.connect()
          expect(await victim.announce({ port: 7001 })).toMatchObject({ leechers: 1 })
          if (round % 100 === 0) expect(await errorFor(victim, expired)).toBe('connection id expired')
        }
        const tookS = (performance.now() - startMs) / 1000
        forger.close()
        victim.close()
        // Ten, and ten a minute.
        expect(errors).toBeGreaterThanOrEqual(10)
        expect(errors).toBeLessThanOrEqual(11 + tookS / 6)
        const counted = async () => Number(await server().redis.hget('stats', 'udp_errors_silenced')) + errors
        await until('each forged id to be counted', async () => (await counted()) === FORGED)
      }),
    60_000 + FORGED / 5,
  )

  it('from more addresses than are remembered, leaves others the errors that they need', () =>
    withTracker(
      server().url,
      { roles: ['udp'], settings: { REDSWARM_TRUSTED_PROXIES: '127.0.0.1' } },
      async ({ udpPort }) => {
        const client = await UdpClient.open(udpPort)
        // A proxy tells whatever address it likes: as many as a forger writes into datagrams.
        for (let i = 0; i < 80_000; i++) {
          client.header = headerV2({ address: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, port: 1 })
          client.send(client.announceRequest({ connectionId: randomBytes(8) }))
          if (i % BURST === 0) await client.connect()
        }
        for (let i = 1; i <= 20; i++) {
          client.header = headerV2({ address: `198.51.100.${i}`, port: 1 })
          expect(await errorFor(client, await expiredId(`198.51.100.${i}`))).toBe('connection id expired')
          expect(await errorFor(client, randomBytes(8))).toBe('bad connection id')
        }
        client.close()
      },
    ))
})
