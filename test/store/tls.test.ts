import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { connectRedis } from '../../lib/store/connect.ts'
import { canTestTls, makeCertificates, type TlsFiles, tlsSettings } from '../support/certificates.ts'
import { startTlsCluster } from '../support/cluster.ts'
import { freePort } from '../support/free-port.ts'
import { withProgram } from '../support/program.ts'
import { startRedis, until } from '../support/redis.ts'
import { startSentinels } from '../support/sentinel.ts'
import { announceOf, hashOf, storeOn } from '../support/store.ts'
import { withTracker } from '../support/tracker.ts'
import { UdpClient } from '../support/udp-client.ts'

/** A Redis that is heard by TLS alone, and asks clients for a certificate or does not. */
async function startTlsRedis(files: TlsFiles, authClients: 'yes' | 'no'): Promise<number> {
  const port = await freePort()
  const settings = tlsSettings(files).map((word, i) => (i % 2 === 0 ? `--${word}` : word))
  const server = await startRedis('--tls-port', String(port), ...settings, '--tls-auth-clients', authClients)
  onTestFinished(server.stop)
  return port
}

/** Announces over UDP, a new peer each time; whether it was served. */
async function isServed(port: number): Promise<boolean> {
  const client = await UdpClient.open(port)
  try {
    await client.connect()
    return (await client.announce()).leechers > 0
  } catch {
    return false
  } finally {
    client.close()
  }
}

/** Why a URL cannot be connected to. */
const problemAt = (url: string): Promise<string> =>
  connectRedis(url).then(
    (redis) => String(redis.disconnect()),
    ({ message }: Error) => message,
  )

describe.runIf(await canTestTls())('TLS', () => {
  let files: Awaited<ReturnType<typeof makeCertificates>>
  let others: Awaited<ReturnType<typeof makeCertificates>>
  beforeAll(async () => {
    ;[files, others] = await Promise.all([makeCertificates(), makeCertificates()])
  })
  afterAll(() => Promise.all([files.remove(), others.remove()]))
  const all = ({ ca, cert, key }: TlsFiles) => `ca=${ca}&cert=${cert}&key=${key}`

  it.each(['127.0.0.1', 'localhost'])('serves where the certificate is that of %s', async (host) => {
    const url = `rediss://${host}:${await startTlsRedis(files, 'no')}`
    const ways: Record<string, string>[] = [
      { REDSWARM_REDIS_URL: url, NODE_EXTRA_CA_CERTS: files.ca },
      { REDSWARM_REDIS_URL: `${url}?ca=${files.ca}` },
    ]
    for (const env of ways) {
      await withProgram(['udp'], env, async (program) => {
        const { udp } = await program.serving()
        expect(await isServed(udp[0]?.port as number)).toBe(true)
        expect(program.stderr()).toBe('')
      })
    }
    await withProgram(['udp'], { REDSWARM_REDIS_URL: url }, async (program) => {
      expect(await program.ended()).not.toBe(0)
      expect(program.stderr()).toMatch(/cannot reach Redis at rediss:.*certificate/)
    })
  })

  it('has a certificate of the client where Redis asks for one', async () => {
    const url = `rediss://127.0.0.1:${await startTlsRedis(files, 'yes')}`
    await withTracker(`${url}?${all(files)}`, { roles: ['udp'] }, async ({ udpPort }) => {
      expect(await isServed(udpPort)).toBe(true)
    })
    expect(await problemAt(`${url}?ca=${files.ca}`)).toMatch(
      /^cannot reach Redis at rediss:.*(certificate required|\n.*ask for a certificate)/s,
    )
    expect(await problemAt(`${url}?${all({ ...others, ca: files.ca })}`)).toMatch(/unknown ca|ask for a certificate/)
  })

  it('says what is wrong with a certificate, or with what is no file of one', async () => {
    const port = await startTlsRedis(files, 'no')
    expect(await problemAt(`rediss://127.0.0.1:${port}?ca=${others.ca}`)).toMatch(
      /(verify|self-signed|signature).*\n {2}does \?ca=FILE/,
    )
    expect(await problemAt(`rediss://127.0.0.2:${port}?ca=${files.ca}`)).toMatch(/127\.0\.0\.2.*\n {2}.*names in it/)
    expect(await problemAt(`rediss://127.0.0.1:${port}?ca=${import.meta.filename}`)).toMatch(/PEM|certificate/)
    expect(await problemAt(`redis://127.0.0.1:${port}`)).toMatch(/^cannot reach Redis at redis:.*\n.*does it speak TLS/)
  })

  it('goes to all nodes of a Cluster', async () => {
    const cluster = await startTlsCluster(files)
    onTestFinished(cluster.stop)
    const redis = await connectRedis(`${cluster.url}?${all(files)}`)
    onTestFinished(() => redis.disconnect())
    const hashes = Array.from({ length: 16 }, (_, i) => hashOf(`${i.toString(16)}00`))
    const replies = await storeOn(redis).announce(hashes.map((infoHash) => announceOf({ infoHash })))
    expect(replies.map(({ ok }) => ok)).toEqual(hashes.map(() => true))
    await withTracker(`${cluster.url}?${all(files)}`, { roles: ['udp', 'sweeper'] }, async ({ udpPort }) => {
      expect(await isServed(udpPort)).toBe(true)
    })
    expect(await problemAt(`${cluster.url}?${all({ ...files, ca: others.ca })}`)).toMatch(
      /^cannot reach Redis at rediss\+cluster:.*(verify|self-signed|signature)/,
    )
  }, 30_000)

  it('goes to Sentinels and to the master that they know of', async () => {
    const set = await startSentinels({ tls: files, password: 'of-redis' })
    onTestFinished(set.stop)
    await withTracker(`${set.url}?${all(files)}`, { roles: ['udp', 'sweeper'] }, async ({ udpPort }) => {
      expect(await isServed(udpPort)).toBe(true)
      const old = await set.master()
      await old.kill()
      // Where the Sentinels do not agree at once, they wait for their failover-timeout twice.
      await until('another master', async () => (await set.master()) !== old, 20_000)
      await until('it to serve', () => isServed(udpPort), 2000)
    })
    expect(await problemAt(`${set.url}?${all({ ...files, ca: others.ca })}`)).toMatch(
      /^cannot reach Redis at rediss\+sentinel:.*sentinel 127.*(verify|self-signed|signature)/,
    )
  }, 60_000)
})
