import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { auditAll } from '../../lib/store/audit.ts'
import type { RedisClient } from '../../lib/store/client.ts'
import { connectRedis } from '../../lib/store/connect.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { nodeName, nodesOf } from '../../lib/store/nodes.ts'
import { makeSwarmReader } from '../../lib/store/reader.ts'
import type { StoredReply } from '../../lib/swarm/store.ts'
import type { InfoHash } from '../../lib/wire/info-hash.ts'
import type { ClusterNode } from '../support/cluster.ts'
import { jobMadeAnewMsMax, untilJobDone } from '../support/jobs.ts'
import { until } from '../support/redis.ts'
import { type ReplicatedCluster, startReplicatedCluster, untilPromoted } from '../support/replicas.ts'
import { announceOf, hashOf, storeOn } from '../support/store.ts'
import { type TestTracker, withTracker } from '../support/tracker.ts'
import { UdpClient } from '../support/udp-client.ts'

const keys = makeKeys('')
const HASHES = Array.from({ length: 30 }, (_, i) => hashOf((i * 136).toString(16).padStart(3, '0')))
/** Peers of each torrent, who announce in turn. */
const PEERS = 5
const EVERY_MS = 20
/** What a client waits for at most while its master is not the one that hangs. */
const AT_ONCE_MS_MAX = 500
const SERVED_MS_MAX = 1000

/** An announce of the load: when it was sent, how long its answer took, and the error where it was one. */
type Answer = { infoHash: InfoHash; atMs: number; tookMs: number; error: string }

/** Announces all torrents again and again over UDP, until stopped. */
async function startLoad({ udpPort }: TestTracker) {
  const answers: Answer[] = []
  let isOver = false
  const announceAll = HASHES.map(async (infoHash) => {
    const client = await UdpClient.open(udpPort)
    await client.connect()
    for (let i = 0; !isOver; i++) {
      const atMs = performance.now()
      const error = await client.announce({ infoHash, port: 2000 + (i % PEERS) }).then(
        () => '',
        ({ message }: Error) => message,
      )
      answers.push({ infoHash, atMs, tookMs: performance.now() - atMs, error })
      await sleep(EVERY_MS)
    }
    client.close()
  })
  await sleep(500)
  return {
    answers,
    async stop() {
      // Each peer has announced once more.
      await sleep(2 * PEERS * EVERY_MS)
      isOver = true
      await Promise.all(announceAll)
    },
  }
}

let cluster: ReplicatedCluster
beforeEach(async () => {
  cluster = await startReplicatedCluster()
}, 30_000)
afterEach(() => cluster?.stop())

const isOf = (node: ClusterNode) => {
  const own = new Map(HASHES.map((infoHash) => [infoHash, cluster.nodeOf(keys.swarm(infoHash.toString('hex')))]))
  return Promise.all([...own].map(async ([infoHash, owner]) => ({ infoHash, isOwn: (await owner) === node }))).then(
    (found) => new Set(found.filter(({ isOwn }) => isOwn).map(({ infoHash }) => infoHash)),
  )
}

/** Runs a test under load, then looks whether all peers are there and nothing is wrong. */
const underLoad = (test: (load: { answers: Answer[] }, logged: () => string) => Promise<void>) => {
  const lines: string[] = []
  const log = pino({ level: 'info' }, { write: (line) => lines.push(line) })
  return withTracker(cluster.url, { roles: ['udp'], log }, async (tracker) => {
    const load = await startLoad(tracker)
    await test(load, () => lines.join(''))
    await load.stop()
    const redis = await connectRedis(cluster.url)
    try {
      const reader = makeSwarmReader({ redis, keys })
      for (const infoHash of HASHES) expect((await reader.swarm(infoHash, 100))?.peers).toHaveLength(PEERS)
      expect((await auditAll({ redis, keys, peerLifetimeS: 3900 })).faults).toEqual([])
    } finally {
      redis.disconnect()
    }
  })
}

/** What was answered of some torrents, sent from then on. */
const sentFrom = (answers: readonly Answer[], of: ReadonlySet<InfoHash>, fromMs: number) =>
  answers.filter(({ infoHash, atMs }) => of.has(infoHash) && atMs >= fromMs)

const others = (own: ReadonlySet<InfoHash>) => new Set(HASHES.filter((infoHash) => !own.has(infoHash)))
const problemsOf = (answers: readonly Answer[]) =>
  answers.filter(({ error, tookMs }) => error !== '' || tookMs > AT_ONCE_MS_MAX)

/** The connections that a node has. */
const clientsOf = async ({ redis }: ClusterNode): Promise<string[]> =>
  String(await redis.call('CLIENT', 'LIST', 'TYPE', 'normal'))
    .trim()
    .split('\n')

describe('in the middle of load', () => {
  it(
    'two masters in turn are killed: theirs are refused at once, served within a second of the promotion, and others all the time',
    () =>
      underLoad(async ({ answers }, logged) => {
        // The first is asked where keys are.
        for (const i of [1, 2]) {
          const [master, replica] = [cluster.nodes[i], cluster.replicas[i]] as [ClusterNode, ClusterNode]
          const own = await isOf(master)
          const killedMs = performance.now()
          master.process.kill('SIGKILL')
          await untilPromoted(replica)
          const promotedMs = performance.now()
          await sleep(SERVED_MS_MAX + 200)
          expect(problemsOf(sentFrom(answers, others(own), killedMs))).toEqual([])
          const refused = sentFrom(answers, own, killedMs).filter(({ error }) => error !== '')
          expect(refused.length).toBeGreaterThan(50)
          const reasons = new Set(refused.slice(own.size).map(({ error }) => error))
          expect([...reasons]).toEqual([expect.stringContaining('failing over')])
          expect(refused.filter(({ tookMs }) => tookMs > AT_ONCE_MS_MAX)).toEqual([])
          const lastMs = Math.max(...refused.map(({ atMs }) => atMs))
          expect(lastMs - promotedMs).toBeLessThan(SERVED_MS_MAX)
          const told = `"redis":"127.0.0.1:${master.port}","msg":`
          expect(logged()).toContain(`${told}"another Redis serves what it had"`)
          expect(logged()).not.toContain(`${told}"Redis serves again"`)
        }
      }),
    30_000,
  )

  it(
    'a master hangs: no answer of another waits for it, and its replica is heard of while it hangs',
    () =>
      underLoad(async ({ answers }) => {
        const [master, replica] = [cluster.nodes[0], cluster.replicas[0]] as [ClusterNode, ClusterNode]
        const own = await isOf(master)
        const hungMs = performance.now()
        master.process.kill('SIGSTOP')
        await untilPromoted(replica)
        const promotedMs = performance.now()
        await sleep(SERVED_MS_MAX + 200)
        master.process.kill('SIGCONT')
        await sleep(500)
        expect(problemsOf(sentFrom(answers, others(own), hungMs))).toEqual([])
        const refused = sentFrom(answers, own, hungMs).filter(({ error }) => error !== '')
        expect(refused.length).toBeGreaterThan(0)
        expect(Math.max(...refused.map(({ atMs }) => atMs)) - promotedMs).toBeLessThan(SERVED_MS_MAX)
      }),
    30_000,
  )

  it(
    'a replica takes over by hand (CLUSTER FAILOVER): nobody is refused',
    () =>
      underLoad(async ({ answers }) => {
        const startMs = performance.now()
        for (const replica of cluster.replicas) {
          await replica.redis.call('CLUSTER', 'FAILOVER')
          await untilPromoted(replica)
          await sleep(300)
        }
        expect(sentFrom(answers, new Set(HASHES), startMs).filter(({ error }) => error !== '')).toEqual([])
        // The test's own connection, and one at most over which the Cluster is heard.
        await until('the former masters to be left', async () =>
          (await Promise.all(cluster.nodes.map(clientsOf))).every((clients) => clients.length <= 2),
        )
      }),
    30_000,
  )
})

describe('a store', () => {
  it('looks for another master while one is away, also where nobody but clients asks for its keys', async () => {
    const redis = await connectRedis(cluster.url)
    try {
      const store = storeOn(redis)
      const announce = async () => (await store.announce([announceOf({})]))[0]
      expect(await announce()).toMatchObject({ ok: true })
      const master = await cluster.nodeOf(keys.swarm(announceOf({}).infoHash.toString('hex')))
      const replica = cluster.replicas[cluster.nodes.indexOf(master)] as ClusterNode
      master.process.kill('SIGKILL')
      await until('a refusal', async () => (await announce())?.ok === false)
      // At once: it is asked without that, too, 5 s after the connection was made.
      await replica.redis.call('CLUSTER', 'FAILOVER', 'TAKEOVER')
      await until('service', async () => (await announce())?.ok === true, SERVED_MS_MAX)
    } finally {
      redis.disconnect()
    }
  })
})

describe('a master that is one no longer', () => {
  /** Runs a test while a master that has given its place away, and is known to have, holds an announce that it was asked. */
  const whileHeld = async (
    test: (held: Promise<StoredReply | undefined>, redis: RedisClient, master: ClusterNode) => Promise<void>,
  ) => {
    const redis = await connectRedis(cluster.url)
    try {
      const store = storeOn(redis)
      const announce = async () => (await store.announce([announceOf({})]))[0]
      expect(await announce()).toMatchObject({ ok: true })
      const master = await cluster.nodeOf(keys.swarm(announceOf({}).infoHash.toString('hex')))
      const replica = cluster.replicas[cluster.nodes.indexOf(master)] as ClusterNode
      // As one that is told to give its place away holds all writes, until it has.
      await master.redis.call('CLIENT', 'PAUSE', 1000, 'WRITE')
      const held = announce()
      await replica.redis.call('CLUSTER', 'FAILOVER', 'TAKEOVER')
      const masters = () => nodesOf(redis).all().map(nodeName)
      await until('the new one to be known', async () => {
        await nodesOf(redis).refresh()
        return masters().includes(`127.0.0.1:${replica.port}`)
      })
      expect(masters()).not.toContain(`127.0.0.1:${master.port}`)
      await test(held, redis, master)
    } finally {
      redis.disconnect()
    }
  }

  it('is not left before it has answered what it was asked: what it refuses then goes to the new one', () =>
    whileHeld(async (held) => {
      expect(await held).toMatchObject({ ok: true })
    }))

  it('is left at once when the connection to the Cluster ends', () =>
    whileHeld(async (held, redis, master) => {
      expect((await clientsOf(master)).length).toBeGreaterThan(1)
      redis.disconnect()
      expect(await held).toMatchObject({ ok: false })
      // The test's own stays.
      await until('the former master to be left', async () => (await clientsOf(master)).length === 1, 1000)
    }))
})

describe('a sweeper', () => {
  it.each(['SIGKILL', 'SIGSTOP'] as const)(
    'whose jobs are on a master that gets %s goes on with them at the next one',
    (signal) =>
      withTracker(cluster.url, { roles: ['sweeper'], settings: { REDSWARM_SWEEP_INTERVAL_S: '2' } }, async () => {
        const master = await cluster.nodeOf(keys.jobs)
        await untilJobDone(master.redis)
        master.process.kill(signal)
        const replica = cluster.replicas[cluster.nodes.indexOf(master)] as ClusterNode
        await untilPromoted(replica)
        await untilJobDone(replica.redis, jobMadeAnewMsMax(2))
        master.process.kill('SIGCONT')
      }),
    30_000,
  )
})
