import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { auditAll } from '../../lib/store/audit.ts'
import { connectRedis } from '../../lib/store/connect.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { makeSwarmReader } from '../../lib/store/reader.ts'
import type { InfoHash } from '../../lib/wire/info-hash.ts'
import { encodeBytes } from '../../lib/wire/query.ts'
import { runCli } from '../support/cli.ts'
import { announceTarget, decode, get, type HttpAnnounceAnswer } from '../support/http-client.ts'
import { jobMadeAnewMsMax, untilJobDone } from '../support/jobs.ts'
import { until } from '../support/redis.ts'
import { type SetMember, startSentinels, type TestSentinels } from '../support/sentinel.ts'
import { hashOf } from '../support/store.ts'
import { type TestTracker, withTracker } from '../support/tracker.ts'
import { UdpClient } from '../support/udp-client.ts'

const keys = makeKeys('')
/** Sweeps come so often that some fall into a failover; none is due to remove a peer. */
const SWEEP_INTERVAL_S = 1
const SETTINGS = { REDSWARM_SWEEP_INTERVAL_S: String(SWEEP_INTERVAL_S) }
const FIRST_PORT = 1024

/** What one client heard of its announces, one after another, each of another seeder of its own swarm. */
type Heard = { sentMs: number; doneMs: number; seeders: number | undefined }

/** How a client announces a seeder at this port; answers the seeders that it was told of, or fails. */
type Announcing = { hash: InfoHash; announce: (port: number) => Promise<number> }

const overHttp = ({ httpUrl }: TestTracker, hash: InfoHash): Announcing => ({
  hash,
  async announce(port) {
    const { body } = await get(httpUrl + announceTarget({ info_hash: encodeBytes(hash), port, left: 0 }))
    const { 'failure reason': reason, complete } = decode(body) as HttpAnnounceAnswer
    if (reason !== undefined) throw new Error(reason)
    return complete
  },
})

const overUdp = (client: UdpClient, infoHash: InfoHash): Announcing => ({
  hash: infoHash,
  announce: async (port) => (await client.announce({ infoHash, port, left: 0n })).seeders,
})

/** Announces one after another until told to end; errors come at once, so that it waits a little then. */
async function announceAll({ announce }: Announcing, isOver: () => boolean): Promise<Heard[]> {
  const heard: Heard[] = []
  while (!isOver()) {
    const sentMs = performance.now()
    const seeders = await announce(FIRST_PORT + heard.length).catch(() => undefined)
    heard.push({ sentMs, doneMs: performance.now(), seeders })
    if (seeders === undefined) await sleep(10)
  }
  return heard
}

const WAYS: Record<
  string,
  { leave: (set: TestSentinels, old: SetMember) => unknown; restore: (old: SetMember) => void }
> = {
  'is killed': { leave: (_, old) => old.kill(), restore: (old) => old.start() },
  hangs: {
    leave: (_, old) => old.process().kill('SIGSTOP'),
    restore: (old) => void old.process().kill('SIGCONT'),
  },
  'is told to go by SENTINEL FAILOVER': {
    leave: ({ sentinels }) => sentinels[2]?.redis.call('SENTINEL', 'FAILOVER', 'swarms'),
    restore: () => {},
  },
}

/** Has a master go under load, and holds all that clients were told against what they had announced. */
async function failOver(set: TestSentinels, tracker: TestTracker, way: string): Promise<void> {
  const client = await UdpClient.open(tracker.udpPort)
  await client.connect()
  const clients = [overHttp(tracker, hashOf('a')), overUdp(client, hashOf('b')), overUdp(client, hashOf('c'))]
  const old = await set.master()
  const settings = { leave: () => {}, restore: () => {}, ...WAYS[way] }
  let isOver = false
  const load = clients.map((each) => announceAll(each, () => isOver))
  await sleep(500)
  const leftMs = performance.now()
  await settings.leave(set, old)
  onTestFinished(() => settings.restore(old))
  await until('another master', async () => (await set.master()) !== old, 20_000)
  const knownMs = performance.now()
  await sleep(1000)
  isOver = true
  const heard = await Promise.all(load)
  client.close()
  await untilJobDone((await set.master()).redis, jobMadeAnewMsMax(SWEEP_INTERVAL_S))

  for (const each of heard) {
    const back = each.find(({ seeders, sentMs }) => seeders !== undefined && sentMs > knownMs)
    expect((back?.doneMs ?? Number.POSITIVE_INFINITY) - knownMs).toBeLessThan(1000)
    // What was written to the old master since it last heard of its replicas, who ask it every second, may be lost.
    const isSure = ({ doneMs }: Heard) => doneMs < leftMs - 1000 || doneMs > knownMs + 1000
    for (const [i, { seeders, doneMs }] of each.entries()) {
      if (seeders === undefined) continue
      const told = each.slice(0, i + 1)
      const least = told.filter((one) => one.seeders !== undefined && (doneMs < leftMs || isSure(one))).length
      expect([i, seeders >= least && seeders <= told.length, least, seeders, told.length].slice(0, 2)).toEqual([
        i,
        true,
      ])
    }
  }
  const redis = await connectRedis(set.url)
  try {
    const { faults } = await auditAll({ redis, keys, peerLifetimeS: 3900 })
    expect(faults).toEqual([])
    for (const [k, { hash }] of clients.entries()) {
      const swarm = await makeSwarmReader({ redis, keys }).swarm(hash, 100_000)
      expect(swarm?.peers.length).toBe(heard[k]?.findLast(({ seeders }) => seeders !== undefined)?.seeders)
    }
    await redis.flushall()
  } finally {
    redis.disconnect()
  }
}

describe.each([
  { what: 'without passwords', options: {}, ways: ['hangs', 'is killed'] },
  {
    what: 'with a password of Redis and another of the Sentinels',
    options: { password: 'of-redis', sentinelPassword: 'of-sentinels' },
    ways: ['is told to go by SENTINEL FAILOVER', 'is killed'],
  },
])('a tracker on the master of Sentinels, $what', ({ options, ways }) => {
  let set: TestSentinels
  beforeAll(async () => {
    set = await startSentinels(options)
  }, 30_000)
  afterAll(() => set?.stop())

  it.each(ways)(
    'serves from the next one within a second where it %s, and answers nothing wrong',
    async (way) => {
      await set.settled()
      await withTracker(set.url, { roles: ['udp', 'http', 'sweeper'], settings: SETTINGS }, (tracker) =>
        failOver(set, tracker, way),
      )
    },
    60_000,
  )
})

describe('the start on Sentinels', () => {
  let set: TestSentinels
  beforeAll(async () => {
    set = await startSentinels({ password: 'of-redis', sentinelPassword: 'of-sentinels' })
  }, 30_000)
  afterAll(() => set?.stop())

  it('tells what is wrong, and no password', async () => {
    const problemAt = async (url: string): Promise<string> => {
      const startMs = performance.now()
      const problem = await connectRedis(url).then(
        (redis) => String(redis.disconnect()),
        (error: Error) => error.message,
      )
      expect(performance.now() - startMs).toBeLessThan(3000)
      expect(problem).toMatch(/^cannot reach Redis at redis\+sentinel:\/\/127(?!.*(of-redis|of-sentinels|hunter))/s)
      return problem
    }
    const { url } = set
    expect(await problemAt(url.replace('of-redis', 'hunter'))).toMatch(/WRONGPASS.*\n {2}are the user and the password/)
    expect(await problemAt(url.replace(':of-redis@', ''))).toContain('NOAUTH')
    expect(await problemAt(url.replace('of-sentinels', 'hunter'))).toMatch(
      /sentinel 127.* WRONGPASS.*\n {2}.*\?sentinel_password=/,
    )
    expect(await problemAt(url.replace('?sentinel_password=of-sentinels', ''))).toMatch(/sentinel 127.* NOAUTH/)
    expect(await problemAt(url.replace('/swarms', '/torrents'))).toMatch(
      /No such master with that name\n {2}.*sentinel monitor/,
    )
    expect(await problemAt('redis+sentinel://127.0.0.1:1,127.0.0.1:2/swarms')).toMatch(/sentinel 127.* ECONNREFUSED/)
  })

  it('ends where it fails', async () => {
    const { code, stderr } = await runCli(['status'], { REDSWARM_REDIS_URL: set.url.replace('of-redis', 'hunter') })
    expect([code, stderr]).toEqual([2, expect.stringContaining('WRONGPASS')])
  }, 10_000)

  it('needs one Sentinel of those that are named', async () => {
    const redis = await connectRedis(set.url.replace('@', '@127.0.0.1:1,'))
    expect(await redis.ping()).toBe('PONG')
    redis.disconnect()
  })
})
