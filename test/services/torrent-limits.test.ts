import { describe, expect, it } from 'vitest'
import { encodeBytes } from '../../lib/wire/query.ts'
import { announce, type Changes } from '../support/http-client.ts'
import { until, useRedis } from '../support/redis.ts'
import { hashOf } from '../support/store.ts'
import { type TestTracker, withTracker } from '../support/tracker.ts'
import { UdpClient } from '../support/udp-client.ts'

const server = useRedis()
/** Frontends that have the limits of clients elsewhere for those of this machine, too. */
const withFrontends = <T>(settings: Record<string, string>, test: (tracker: TestTracker) => Promise<T>) =>
  withTracker(
    server().url,
    { roles: ['udp', 'http'], settings: { REDSWARM_LIMITS_EXEMPT: '192.0.2.1', ...settings } },
    test,
  )
const numbered = (i: number) => hashOf(i.toString(16).padStart(4, '0'))
const NOT_TOLD = { 'retry in': undefined }

/** Announces over UDP from an address of the loopback; answers what went wrong, or that it was answered. */
async function overUdp({ udpPort }: TestTracker, from: string) {
  const client = await UdpClient.open(udpPort, '127.0.0.1', from)
  await client.connect()
  return {
    close: () => client.close(),
    announce: async (changes: Parameters<UdpClient['announce']>[0]) => {
      try {
        await client.announce(changes)
        return 'ok'
      } catch (error) {
        return (error as Error).message
      }
    },
  }
}

/** Announces so many times, some at once: each must be answered. */
async function inTurns(count: number, announceOne: (i: number) => Promise<string>): Promise<void> {
  for (let from = 0; from < count; from += 50) {
    const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => announceOne(from + i)))
    expect(answers).toEqual(answers.map(() => 'ok'))
  }
}

const overHttp = ({ httpUrl }: TestTracker, changes: Changes, from: string) => announce(httpUrl, changes, from)

describe('torrents that one address may add', () => {
  const REASON = 'your address has added too many torrents to this tracker, add more later'

  it('are counted over both protocols together; a refusal says so, and others and what is there are served', () =>
    withFrontends({ REDSWARM_ADDRESS_TORRENTS_MAX: '10' }, async (tracker) => {
      const udp = await overUdp(tracker, '127.0.0.2')
      for (let i = 0; i < 6; i++) expect(await udp.announce({ infoHash: numbered(i) })).toBe('ok')
      for (let i = 6; i < 10; i++)
        expect(await overHttp(tracker, { info_hash: encodeBytes(numbered(i)) }, '127.0.0.2')).toMatchObject({
          incomplete: 1,
        })
      expect(await udp.announce({ infoHash: numbered(10) })).toContain(REASON)
      const refused = await overHttp(tracker, { info_hash: encodeBytes(numbered(10)) }, '127.0.0.2')
      expect({ ...NOT_TOLD, ...refused }).toEqual({ 'failure reason': REASON, 'retry in': undefined })
      // What it has added goes on, and so does the neighbour, whose torrent it may join.
      for (let i = 0; i < 10; i++) expect(await udp.announce({ infoHash: numbered(i) })).toBe('ok')
      expect(await overHttp(tracker, { info_hash: encodeBytes(numbered(10)) }, '127.0.0.3')).toMatchObject({
        incomplete: 1,
      })
      expect(await udp.announce({ infoHash: numbered(10) })).toBe('ok')
      udp.close()
      await until('the counts', async () => (await server().redis.hget('stats', 'refused_address_torrents')) === '2')
    }))

  it('are no matter to a client that announces 2,000 torrents of its own again and again, nor to 500 behind one address that join others', () =>
    withFrontends({ REDSWARM_ADDRESS_TORRENTS_MAX: '2000' }, async (tracker) => {
      const [seedbox, gateway] = [await overUdp(tracker, '127.0.0.2'), await overUdp(tracker, '127.0.0.3')]
      for (let round = 0; round < 3; round++) {
        await inTurns(1500, (i) => seedbox.announce({ infoHash: numbered(i), port: 7000 }))
      }
      // What it has announced again leaves it the rest of its share.
      await inTurns(500, (i) => seedbox.announce({ infoHash: numbered(1500 + i), port: 7000 }))
      await inTurns(2500, (i) => gateway.announce({ infoHash: numbered(i % 2000), port: 1024 + (i % 500) }))
      expect(await gateway.announce({ infoHash: numbered(2000) })).toBe('ok')
      seedbox.close()
      gateway.close()
    }))

  it('are as many as it likes of an address that is exempt', () =>
    withFrontends({ REDSWARM_ADDRESS_TORRENTS_MAX: '3', REDSWARM_LIMITS_EXEMPT: '127.0.0.2' }, async (tracker) => {
      const [exempt, other] = [await overUdp(tracker, '127.0.0.2'), await overUdp(tracker, '127.0.0.3')]
      for (let i = 0; i < 8; i++) expect(await exempt.announce({ infoHash: numbered(i) })).toBe('ok')
      const answers = []
      for (let i = 10; i < 15; i++) answers.push(await other.announce({ infoHash: numbered(i) }))
      expect(answers).toEqual(['ok', 'ok', 'ok', expect.stringContaining(REASON), expect.stringContaining(REASON)])
      exempt.close()
      other.close()
    }))
})

it('a tracker that has as many torrents as it may refuses new ones, to anybody, and serves those it has', async () => {
  const REASON = 'this tracker has as many torrents as it can serve, and takes no new ones now'
  await withFrontends({}, async (tracker) => {
    for (let i = 0; i < 5; i++) await overHttp(tracker, { info_hash: encodeBytes(numbered(i)) }, '127.0.0.2')
  })
  await server().redis.del('counted')
  const settings = { REDSWARM_TORRENTS_MAX: '5', REDSWARM_LIMITS_EXEMPT: '127.0.0.0/8' }
  await withFrontends(settings, async (tracker) => {
    await until('the count', async () => (await server().redis.get('counted')) === '5')
    const udp = await overUdp(tracker, '127.0.0.3')
    await until('a refusal', async () => (await udp.announce({ infoHash: numbered(0xff) })).includes(REASON))
    const refused = await overHttp(tracker, { info_hash: encodeBytes(numbered(6)) }, '127.0.0.2')
    expect({ ...NOT_TOLD, ...refused }).toEqual({ 'failure reason': REASON, 'retry in': undefined })
    for (let i = 0; i < 5; i++) expect(await udp.announce({ infoHash: numbered(i) })).toBe('ok')
    udp.close()
    await until('the counts', async () => Number(await server().redis.hget('stats', 'refused_torrents')) >= 2)
  })
})

it('a swarm of as many peers as it may have refuses newcomers over both protocols, and serves its own', () =>
  withFrontends({ REDSWARM_SWARM_PEERS_MAX: '3' }, async (tracker) => {
    const REASON = 'this torrent has as many peers as this tracker keeps of one'
    const udp = await overUdp(tracker, '127.0.0.2')
    for (const port of [1, 2, 3]) expect(await udp.announce({ port })).toBe('ok')
    expect(await udp.announce({ port: 4 })).toContain(REASON)
    const refused = await overHttp(tracker, { port: 4 }, '127.0.0.3')
    expect({ ...NOT_TOLD, ...refused }).toEqual({ 'failure reason': REASON, 'retry in': undefined })
    for (const port of [1, 2, 3]) expect(await udp.announce({ port })).toBe('ok')
    udp.close()
    await until('the counts', async () => (await server().redis.hget('stats', 'refused_swarm_peers')) === '2')
  }))
