import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { auditAll } from '../../lib/store/audit.ts'
import { connectRedis } from '../../lib/store/connect.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { makeSwarmReader } from '../../lib/store/reader.ts'
import type { InfoHash } from '../../lib/wire/info-hash.ts'
import type { ClusterNode } from '../support/cluster.ts'
import { type ReplicatedCluster, startReplicatedCluster, untilPromoted } from '../support/replicas.ts'
import { hashOf, silentLog } from '../support/store.ts'
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
const underLoad = (test: (load: { answers: Answer[] }) => Promise<void>) =>
  withTracker(cluster.url, { roles: ['udp'] }, async (tracker) => {
    const load = await startLoad(tracker)
    await test(load)
    await load.stop()
    const redis = await connectRedis(cluster.url, silentLog)
    try {
      const reader = makeSwarmReader({ redis, keys })
      for (const infoHash of HASHES) expect((await reader.swarm(infoHash, 100))?.peers).toHaveLength(PEERS)
      expect((await auditAll({ redis, keys, peerLifetimeS: 3900 })).faults).toEqual([])
    } finally {
      redis.disconnect()
    }
  })

/** What was answered of some torrents, sent from then on. */
const sentFrom = (answers: readonly Answer[], of: ReadonlySet<InfoHash>, fromMs: number) =>
  answers.filter(({ infoHash, atMs }) => of.has(infoHash) && atMs >= fromMs)

const others = (own: ReadonlySet<InfoHash>) => new Set(HASHES.filter((infoHash) => !own.has(infoHash)))
const problemsOf = (answers: readonly Answer[]) =>
  answers.filter(({ error, tookMs }) => error !== '' || tookMs > AT_ONCE_MS_MAX)

describe('in the middle of load', () => {
  it(
    'two masters in turn are killed: theirs are refused at once, served within a second of the promotion, and others all the time',
    () =>
      underLoad(async ({ answers }) => {
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
      }),
    30_000,
  )
})
