import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { checkInfo, isOlder } from '../../lib/store/check-server.ts'
import { connectRedis } from '../../lib/store/connect.ts'
import { killAtExit } from '../support/at-exit.ts'
import { freePort } from '../support/free-port.ts'
import { startRedis, type TestRedis, until } from '../support/redis.ts'
import { announceOf, hashOf, storeOn } from '../support/store.ts'
import { withTracker } from '../support/tracker.ts'
import { UdpClient } from '../support/udp-client.ts'

describe('a server', () => {
  const info = (...lines: string[]) => `${['# Server', ...lines].join('\r\n')}\r\n`

  it('is refused where it is too old, each kind by its own version', () => {
    expect(() => checkInfo(info('redis_version:6.2.14'))).toThrow('redis 6.2.14 is too old: 7.0 or later is needed')
    // Valkey tells the version of Redis that it is compatible with, too.
    expect(() => checkInfo(info('redis_version:7.2.4', 'valkey_version:7.1.9'))).toThrow('valkey 7.1.9 is too old')
    expect(() => checkInfo(info('server:other'))).toThrow('too old')
    for (const lines of [
      ['redis_version:7.0.0'],
      ['redis_version:10.0'],
      ['redis_version:7.2.4', 'valkey_version:8.1.0'],
    ])
      expect(() => checkInfo(info(...lines))).not.toThrow()
  })

  it('is refused where it is one of a Cluster, by the word of Redis and of Valkey', () => {
    const valkey = ['redis_version:7.2.4', 'valkey_version:8.1.0', 'server_mode:cluster']
    for (const lines of [['redis_version:7.4.1', 'redis_mode:cluster'], valkey])
      expect(() => checkInfo(info(...lines))).toThrow('a node of a Cluster')
    expect(() => checkInfo(info('redis_version:7.4.1', 'redis_mode:standalone'))).not.toThrow()
  })

  it('is refused where it evicts', () => {
    const [version, policy] = ['redis_version:7.4.1', 'maxmemory_policy:volatile-lru']
    expect(() => checkInfo(info(version, policy))).toThrow('maxmemory-policy volatile-lru')
  })

  it('has a version that is compared by number, part by part', () => {
    const versions = ['6.9', '7', '7.0.0', '7.1', '10.0', 'x']
    expect(versions.map((version) => isOlder(version, '7.0'))).toEqual([true, false, false, false, false, true])
    expect(isOlder('7.9', '7.10')).toBe(true)
  })
})

/** A Redis that ends with the test. */
async function redisOf(...args: string[]): Promise<TestRedis> {
  const server = await startRedis(...args)
  onTestFinished(server.stop)
  return server
}

async function announceOnce(port: number): Promise<{ leechers: number }> {
  const client = await UdpClient.open(port)
  try {
    await client.connect()
    return await client.announce()
  } finally {
    client.close()
  }
}

/** Connections to a Redis, that of the test among them, and none of a replica or a master. */
const clientsOf = async ({ redis }: TestRedis): Promise<string[]> =>
  String(await redis.call('CLIENT', 'LIST', 'TYPE', 'normal'))
    .trim()
    .split('\n')

/** An address that leads to one Redis, and to another when it is told to, as a name in DNS does. */
async function movable(first: TestRedis): Promise<{ url: string; lead: (to: TestRedis) => void }> {
  let target = first
  const server = createServer((near) => {
    const far = createConnection(target.socket)
    near.pipe(far).pipe(near)
    for (const [end, other] of [
      [near, far],
      [far, near],
    ] as const)
      end.on('error', () => {}).on('close', () => other.destroy())
    onTestFinished(() => void [near, far].map((end) => end.destroy()))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return {
    url: `redis://localhost:${(server.address() as AddressInfo).port}`,
    lead(to) {
      target = to
    },
  }
}

/** A way to a Redis whose connections can fall silent, as behind a firewall that has forgotten them. */
async function silenceable(socket: string): Promise<{ url: string; silence: () => void }> {
  const open = new Set<Socket>()
  const server = createServer((near) => {
    const far = createConnection(socket)
    near.pipe(far).pipe(near)
    for (const end of [near, far]) end.on('error', () => {})
    open.add(near)
    onTestFinished(() => void [near, far].map((end) => end.destroy()))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    silence() {
      for (const near of open) near.unpipe()
    },
  }
}

describe('a connection to Redis', () => {
  it('serves over TCP, in the database and with the password of the URL', async () => {
    const port = await freePort()
    const server = await redisOf('--port', String(port))
    await server.redis.config('SET', 'requirepass', 'p@ss/word')
    const url = `redis://:${encodeURIComponent('p@ss/word')}@127.0.0.1:${port}/3`
    await withTracker(url, { roles: ['udp'] }, async ({ udpPort }) => {
      expect(await announceOnce(udpPort)).toMatchObject({ leechers: 1 })
    })
    expect(await server.redis.info('keyspace')).toMatch(/db3:/)
  })

  it('is not served from another database where Redis does not have that of the URL, or the user may not go there', async () => {
    const server = await redisOf()
    await server.redis.call('ACL', 'SETUSER', 'user', 'on', '>secret', '~*', '&*', '+@all', '-select')
    for (const url of [`${server.url}?db=16`, `unix://user:secret@${server.socket}?db=3`]) {
      await expect(connectRedis(url)).rejects.toThrow(/^cannot reach Redis at unix:\S+: .*\n.*that database/)
    }
    const redis = await connectRedis(`${server.url}?db=3`)
    onTestFinished(() => redis.disconnect())
    const store = storeOn(redis)
    await store.ready
    server.process.kill('SIGKILL')
    const { spawnfile, spawnargs } = server.process
    killAtExit(spawn(spawnfile, [...spawnargs.slice(1), '--databases', '2'], { stdio: 'ignore' }))
    const refused = async () => Number(/errorstat_ERR:count=(\d+)/.exec(await server.redis.info('errorstats'))?.[1])
    await until('both connections to have been refused again and again', async () => {
      expect(await store.announce([announceOf()])).toEqual([{ ok: false, refusal: 'away' }])
      return (await refused()) > 9
    })
    await expect(redis.set('key', 1)).rejects.toThrow()
    expect(await server.redis.dbsize()).toBe(0)
  })

  it('is ill while commands are not answered, and made anew where it stays silent, though nobody asks', async () => {
    const server = await redisOf()
    const { url, silence } = await silenceable(server.socket)
    await withTracker(url, { roles: ['api'] }, async ({ apiUrl }) => {
      const isHealthy = async () => (await fetch(`${apiUrl}/api/health_check`)).ok
      expect(await isHealthy()).toBe(true)
      silence()
      await until('it to be ill', async () => !(await isHealthy()), 4000)
      await until('it to be well on a new connection', isHealthy, 4000)
    })
  })

  it('leaves a master that has become a replica, both to write and to read, for whichever is at its address then', async () => {
    const port = await freePort()
    const [old, next] = [await redisOf(), await redisOf('--port', String(port))]
    const { url, lead } = await movable(old)
    const [announcing, scraping] = [await connectRedis(url), await connectRedis(url)]
    onTestFinished(() => void [announcing, scraping].map((redis) => redis.disconnect()))
    const [announcer, scraper] = [storeOn(announcing), storeOn(scraping)]
    const announce = async () => (await announcer.announce([announceOf()]))[0]?.ok === true
    expect(await announce()).toBe(true)
    expect(await scraper.scrape([hashOf('a')])).toMatchObject([{ leechers: 1 }])
    lead(next)
    await old.redis.replicaof('127.0.0.1', port)
    expect(await announce()).toBe(false)
    await until('the announces to be taken by the next', announce)
    // One that only scrapes hears of it by what it writes beside.
    await expect(scraping.set('counters', 1)).rejects.toThrow('READONLY')
    await until('nobody to be at the old one', async () => (await clientsOf(old)).length === 1)
    await until('the scrapes to be answered by the next', async () => {
      const [counts] = await scraper.scrape([hashOf('a')])
      return typeof counts === 'object' && counts.leechers === 1
    })
    expect((await clientsOf(next)).length).toBe(5)
  })

  it('leaves one that stays a replica once in a while, though its name could lead to another', async () => {
    const server = await redisOf()
    const { url } = await movable(server)
    const redis = await connectRedis(url)
    onTestFinished(() => redis.disconnect())
    await server.redis.replicaof('127.0.0.1', 1)
    const received = async () => Number(/total_connections_received:(\d+)/.exec(await server.redis.info('stats'))?.[1])
    const before = await received()
    for (let i = 0; i < 30; i++) {
      await expect(redis.set('key', i)).rejects.toThrow()
      await sleep(20)
    }
    expect((await received()) - before).toBe(1)
  })

  it('fails at once what cannot be sent', async () => {
    const server = await redisOf()
    const redis = await connectRedis(server.url)
    onTestFinished(() => redis.disconnect())
    server.process.kill('SIGKILL')
    await once(redis, 'reconnecting')
    for (let i = 0; i < 5; i++) {
      // Of what has waited, ioredis says something else.
      await expect(redis.get('key')).rejects.toThrow("Stream isn't writeable")
      await sleep(50)
    }
  })
})
