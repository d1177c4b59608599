import { describe, expect, it } from 'vitest'
import { makeBanList } from '../../lib/store/bans.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { EVENT } from '../../lib/wire/announce.ts'
import { endpointFrom, endpointText } from '../../lib/wire/endpoint.ts'
import { announce, type Changes } from '../support/http-client.ts'
import { scrapeMetrics } from '../support/prometheus.ts'
import { headerV2 } from '../support/proxy-header.ts'
import { until, useRedis } from '../support/redis.ts'
import { hashOf } from '../support/store.ts'
import { type TestTracker, withTracker } from '../support/tracker.ts'
import { UdpClient } from '../support/udp-client.ts'

/** What an announce names: over UDP a word, over HTTP a text. */
const NAMED = { word: 0xc633_6408, text: '198.51.100.8' }

describe('where a peer is', () => {
  const server = useRedis()
  /** A tracker behind proxies at 127.0.0.1: whoever asks is where the test says. */
  const withProxied = (settings: Record<string, string>, test: (tracker: TestTracker) => Promise<void>) =>
    withTracker(server().url, { settings: { REDSWARM_TRUSTED_PROXIES: '127.0.0.1', ...settings } }, test)
  /** A client that asks over UDP from an address that a proxy tells. */
  async function withUdp<T>({ udpPort }: TestTracker, address: string, use: (client: UdpClient) => Promise<T>) {
    const client = await UdpClient.open(udpPort)
    client.header = headerV2({ address, port: 50_000 })
    await client.connect()
    return use(client).finally(() => client.close())
  }
  const overUdp = (tracker: TestTracker, address: string, changes: Parameters<UdpClient['announce']>[0] = {}) =>
    withUdp(tracker, address, (client) =>
      client.announce({ port: 6881, ...changes }).then(
        () => 'ok',
        (error: Error) => error.message,
      ),
    )
  const overHttp = async ({ httpUrl }: TestTracker, address: string, changes: Changes = {}) =>
    (await announce(httpUrl, changes, undefined, { 'x-forwarded-for': address }))['failure reason'] ?? 'ok'
  /** The peers that are stored. */
  const stored = async () => {
    const fields = await server().redis.hkeysBuffer(`swarm:{a00}:${hashOf('a').toString('hex')}`)
    return fields.flatMap((field) => endpointFrom(field) ?? []).map(endpointText)
  }

  it('is never at an address that is nobody’s, whatever a proxy says, and whoever stops is answered', () =>
    withProxied({}, async (tracker) => {
      const addresses = ['0.0.0.0', '0.1.2.3', '224.0.0.251', '240.0.0.1', '255.255.255.255', '::', 'ff02::1']
      for (const address of addresses) {
        expect(await overUdp(tracker, address)).toBe('nobody can connect to your address')
        expect(await overHttp(tracker, address)).toBe('nobody can connect to your address')
        expect(await overUdp(tracker, address, { event: EVENT.stopped })).toBe('ok')
        expect(await overHttp(tracker, address, { event: 'stopped' })).toBe('ok')
      }
      expect(await stored()).toEqual([])
      const samples = await scrapeMetrics(tracker.metricsUrl)
      expect(samples.get('redswarm_refusals_total{cause="address"}')).toBe(2 * addresses.length)
    }))

  it('may be in a private network or on this machine, for those who ask from there', () =>
    withProxied({}, async (tracker) => {
      const addresses = ['10.1.2.3', '192.168.7.7', '100.64.0.9', '169.254.3.4', '127.0.0.9']
      for (const address of addresses) expect(await overUdp(tracker, address)).toBe('ok')
      for (const address of ['fd00::7', 'fe80::7', '::1']) expect(await overHttp(tracker, address)).toBe('ok')
      expect((await stored()).sort()).toEqual(
        [...addresses.map((address) => `${address}:6881`), '[::1]:6881', '[fd00::7]:6881', '[fe80::7]:6881'].sort(),
      )
    }))

  it('is where its announces come from, whatever they name, of those who may not name an address', () =>
    withProxied({ REDSWARM_CLIENT_IP_FROM: '198.51.100.9' }, async (tracker) => {
      expect(await overUdp(tracker, '198.51.100.1', { ip: NAMED.word })).toBe('ok')
      for (const ip of [NAMED.text, 'seedbox.example', '255.255.255.255', '%zz'])
        expect(await overHttp(tracker, '198.51.100.2', { ip, ipv4: NAMED.text, ipv6: '2001:db8::8' })).toBe('ok')
      expect((await stored()).sort()).toEqual(['198.51.100.1:6881', '198.51.100.2:6881'])
    }))

  it('is where it says, of those who may, and its own peer is not told to it', () =>
    withProxied({ REDSWARM_CLIENT_IP_FROM: '10.0.0.0/8,198.51.100.9,2001:db8::/64' }, async (tracker) => {
      const [from, { httpUrl }] = [{ 'x-forwarded-for': '198.51.100.9' }, tracker]
      expect(await overUdp(tracker, '10.1.2.3', { ip: NAMED.word, port: 7001 })).toBe('ok')
      const answer = await announce(httpUrl, { ip: NAMED.text, port: 7001 }, undefined, from)
      expect(answer).toMatchObject({ incomplete: 1, peers: '', 'external ip': '\xc6\x33\x64\x09' })
      expect(await overHttp(tracker, '2001:db8::9', { ip: '2001:db8:1::8', port: 7002 })).toBe('ok')
      // An empty `ip`, or none, is one's own.
      expect(await overHttp(tracker, '198.51.100.9', { ip: '', port: 7003 })).toBe('ok')
      expect(await overUdp(tracker, '10.1.2.3', { port: 7004 })).toBe('ok')
      expect((await stored()).sort()).toEqual([
        '10.1.2.3:7004',
        '198.51.100.8:7001',
        '198.51.100.9:7003',
        '[2001:db8:1::8]:7002',
      ])
    }))

  it('is not where others could not connect to it, or may not be, though it may say', () =>
    withProxied({ REDSWARM_CLIENT_IP_FROM: '198.51.100.9,2001:db8::9' }, async (tracker) => {
      const told = (ip: string, address = '198.51.100.9') => overHttp(tracker, address, { ip })
      expect(await told('192.168.1.1')).toContain('must not be a private address')
      expect(await told('fd00::1', '2001:db8::9')).toContain('must not be a private address')
      expect(await told('0.0.0.0')).toBe('nobody can connect to your address')
      expect(await told('seedbox.example')).toBe('ip must be an IP address')
      expect(await told('2001:db8::8')).toBe('ip must be an address of the IP version that you ask by')
      expect(await told('198.51.100.8', '2001:db8::9')).toBe('ip must be an address of the IP version that you ask by')
      expect(await overUdp(tracker, '198.51.100.9', { ip: 0xc0a8_0101 })).toContain('must not be a private address')
      expect(await stored()).toEqual([])
      // A datagram of IPv6 has no room for an address.
      expect(await overUdp(tracker, '2001:db8::9', { ip: NAMED.word })).toBe('ok')
      expect(await stored()).toEqual(['[2001:db8::9]:6881'])
    }))

  it('may be at a private address that it names, where the operator keeps them', () =>
    withProxied({ REDSWARM_CLIENT_IP_FROM: '198.51.100.9', REDSWARM_PRIVATE_PEERS: 'true' }, async (tracker) => {
      expect(await overHttp(tracker, '198.51.100.9', { ip: '192.168.1.1' })).toBe('ok')
      expect(await stored()).toEqual(['192.168.1.1:6881'])
    }))

  it('is not at a banned address, and who names one is refused, not banned', () =>
    withProxied({ REDSWARM_CLIENT_IP_FROM: '198.51.100.9' }, async (tracker) => {
      await makeBanList({ redis: server().redis, keys: makeKeys('') }).put([[NAMED.text, '0']])
      const banned = 'the address that ip names is banned from this tracker'
      await until('the ban', async () => (await overHttp(tracker, '198.51.100.9', { ip: NAMED.text })) === banned)
      expect(await overUdp(tracker, '198.51.100.9', { ip: NAMED.word })).toBe(banned)
      expect(await overUdp(tracker, '198.51.100.9')).toBe('ok')
      expect(await overHttp(tracker, '198.51.100.9', { port: 6882 })).toBe('ok')
    }))

  it('is not at a port of system services, where the operator says so, and may stop there', () =>
    withProxied({ REDSWARM_PORT_MIN: '1024' }, async (tracker) => {
      for (const port of [1, 80, 1023]) {
        expect(await overUdp(tracker, '198.51.100.1', { port })).toBe('port must be 1024 to 65535')
        expect(await overHttp(tracker, '2001:db8::1', { port })).toBe('port must be 1024 to 65535')
        expect(await overUdp(tracker, '198.51.100.1', { port, event: EVENT.stopped })).toBe('ok')
        expect(await overHttp(tracker, '2001:db8::1', { port, event: 'stopped' })).toBe('ok')
      }
      expect(await stored()).toEqual([])
      expect(await overUdp(tracker, '198.51.100.1', { port: 1024 })).toBe('ok')
    }))

  it('may be at any port else', () =>
    withProxied({}, async (tracker) => {
      for (const port of [1, 80, 65535]) expect(await overUdp(tracker, '198.51.100.1', { port })).toBe('ok')
      expect(await stored()).toHaveLength(3)
    }))
})
