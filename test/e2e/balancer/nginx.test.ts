import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { text } from 'node:stream/consumers'
import { beforeEach, describe, expect, it, type TestContext } from 'vitest'
import { type Balancer, infraFile, missingNginx, startNginx } from '../../support/balancer.ts'
import { canTestTls, makeCertificates } from '../../support/certificates.ts'
import { freePort } from '../../support/free-port.ts'
import { announce, announceTarget, decode, get } from '../../support/http-client.ts'
import { useRedis } from '../../support/redis.ts'
import { hashOf } from '../../support/store.ts'
import { startTracker, type TestTracker } from '../../support/tracker.ts'
import { UdpClient } from '../../support/udp-client.ts'
import { skipWithout } from '../skip.ts'

describe('nginx before two frontends', () => {
  const server = useRedis()
  beforeEach((ctx) => skipWithout(ctx as unknown as TestContext, missingNginx()))

  const withNginx = async (
    more: Pick<Parameters<typeof startNginx>[0], 'https'>,
    use: (at: { udp: number; http: number; frontends: TestTracker[]; nginx: Balancer }) => Promise<void>,
  ) => {
    const settings = { REDSWARM_TRUSTED_PROXIES: '127.0.0.1', REDSWARM_LOG_LEVEL: 'error' }
    const frontends = await Promise.all(
      [1, 2].map(() => startTracker(server().url, { roles: ['udp', 'http'], settings })),
    )
    const [udp, http] = [await freePort(), await freePort()]
    const nginx = await startNginx({
      ...{ udp, http, udpFrontends: frontends.map(({ udpPort }) => udpPort) },
      httpFrontends: frontends.map(({ httpUrl }) => Number(new URL(httpUrl).port)),
      ...more,
    })
    try {
      await use({ udp, http, frontends, nginx })
    } finally {
      await nginx.stop()
      await Promise.all(frontends.map(({ stop }) => stop()))
    }
  }
  const stored = async (name: string) => {
    const fields = await server().redis.hkeysBuffer(`swarm:{${name}00}:${hashOf(name).toString('hex')}`)
    return fields.filter(({ length }) => length === 6 || length === 18).map((field) => field.toString('hex'))
  }
  const answered = async ({ metricsUrl }: TestTracker) => {
    const { body } = await get(`${metricsUrl}/metrics`)
    const samples = [...body.toString().matchAll(/^redswarm_requests_total\{[^}]*\} (\d+)$/gm)]
    return samples.reduce((sum, [, count]) => sum + Number(count), 0)
  }

  it('takes the file as it is', (ctx) => {
    skipWithout(ctx, process.getuid?.() === 0 ? undefined : 'nginx -t of a file that names /run/nginx.pid needs root')
    const { stderr } = spawnSync('nginx', ['-t', '-e', 'stderr', '-c', infraFile('nginx/redswarm.conf')], {
      encoding: 'utf8',
    })
    expect(stderr).toContain('test is successful')
  })

  it('brings the addresses of many clients over UDP, of both families, to either frontend', () =>
    withNginx({}, async ({ udp, frontends }) => {
      const announceFrom = async (from: string, changes: Parameters<UdpClient['announce']>[0]) => {
        const client = await UdpClient.open(udp, from.includes(':') ? '::1' : '127.0.0.1', from)
        await client.connect()
        return client.announce(changes).finally(() => client.close())
      }
      const ports = Array.from({ length: 40 }, (_, i) => 7001 + i)
      await Promise.all(ports.map((port, i) => announceFrom(`127.0.1.${i + 1}`, { port })))
      const { peers } = await announceFrom('127.0.2.1', { port: 7000, numwant: 200 })
      const told = Array.from({ length: peers.length / 6 }, (_, i) => peers.toString('hex', 6 * i, 6 * i + 6))
      const own = ports.map((port, i) => Buffer.from([127, 0, 1, i + 1, port >> 8, port & 255]).toString('hex'))
      expect(told.sort()).toEqual(own.sort())
      await announceFrom('::1', { port: 7002, infoHash: hashOf('b') })
      expect(await stored('b')).toEqual([`${'0'.repeat(31)}11b5a`])
      for (const frontend of frontends) expect(await answered(frontend)).toBeGreaterThan(10)
    }))

  it('takes no frontend out for what anybody may send: garbage, long and short, has no answer', () =>
    withNginx({}, async ({ udp }) => {
      const stranger = await UdpClient.open(udp, '127.0.0.1', '127.0.0.9')
      // Each by turns at both frontends.
      for (const bytes of [0, 1, 15, 16, 600]) for (let i = 0; i < 8; i++) stranger.send(Buffer.alloc(bytes, 'x'))
      // As long as nginx waits for an answer.
      await new Promise((resolve) => setTimeout(resolve, 1200))
      const client = await UdpClient.open(udp, '127.0.0.1', '127.0.0.2')
      for (let i = 0; i < 8; i++) await client.connect()
      stranger.close()
      client.close()
    }))

  it('brings the addresses of clients over HTTP, of both families', () =>
    withNginx({}, async ({ http }) => {
      const own = async (url: string, from: string) => (await announce(url, {}, from))['external ip']
      expect(await own(`http://127.0.0.1:${http}`, '127.0.0.5')).toBe('\x7f\0\0\x05')
      expect(await own(`http://[::1]:${http}`, '::1')).toBe(`${'\0'.repeat(15)}\x01`)
    }))

  it('asks another frontend over HTTPS where one has gone, tells the client by X-Forwarded-For, and writes no passkey anywhere', async (ctx) => {
    if (!(await canTestTls())) skipWithout(ctx, 'openssl is not installed')
    const { ca, cert, key, remove } = await makeCertificates()
    const port = await freePort()
    await withNginx({ https: { port, cert, key } }, async ({ frontends, nginx }) => {
      const ask = (target: string) =>
        new Promise<string>((resolve, reject) => {
          const headers = { 'x-forwarded-for': '203.0.113.9' }
          const options = {
            ca: readFileSync(ca),
            port,
            host: '127.0.0.1',
            path: target,
            localAddress: '127.0.0.7',
            headers,
          }
          request(options, (answer) => void text(answer.setEncoding('latin1')).then(resolve, reject))
            .on('error', reject)
            .end()
        })
      const target = announceTarget().replace('/announce', '/announce/a-passkey-of-a-client')
      expect(decode(Buffer.from(await ask(target), 'latin1'))).toMatchObject({ 'external ip': '\x7f\0\0\x07' })
      await frontends[0]?.stop()
      for (let i = 0; i < 6; i++)
        expect(decode(Buffer.from(await ask(target), 'latin1'))).toMatchObject({ 'external ip': '\x7f\0\0\x07' })
      await frontends[1]?.stop()
      expect(await ask(target)).toContain('502')
      expect(await ask('/health_check')).toContain('404')
      expect(nginx.said()).not.toContain('passkey')
    })
    await remove()
  })
})
