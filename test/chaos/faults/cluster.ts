import { setTimeout as sleep } from 'node:timers/promises'
import calculateSlot from 'cluster-key-slot'
import { makeKeys } from '../../../lib/store/keys.ts'
import type { ClusterNode } from '../../support/cluster.ts'
import { until } from '../../support/redis.ts'
import { type ClusterScene, onCluster } from '../clusters.ts'
import type { Fault, Moments } from '../fault.ts'
import {
  countReplicaLoss,
  cutReplication,
  followOffsets,
  HANGS_MS,
  isReplicaOf,
  LAG_MS,
  type Loss,
  problemsOfLag,
  untilOnePromoted,
} from '../replication.ts'
import { unansweredOf } from '../unanswered.ts'

/** A replica waits for the others' word twice as long as a node's silence, at most. */
const PROMOTED_MS_MAX = 20_000
const REPLICA_MS_MAX = 20_000
/** So soon after a promotion its swarms are served. */
const SERVED_MS = 1000
/** Between two that fail, so that the first is over. */
const REST_MS = 2000
const SLOTS_MOVED = 40
const [TIMES, EVERY_MS] = [3, 1000]

type Pair = { master: ClusterNode; replica: ClusterNode }

const pairsOf = ({ cluster }: ClusterScene): [Pair, Pair, Pair] =>
  cluster.nodes.map((master, i) => ({ master, replica: cluster.replicas[i] as ClusterNode })) as [Pair, Pair, Pair]

/**
 * Tells of what was refused of the swarms that others than this master have. How long answers took is not looked at: where many
 * want the processor, a process stands for a second, and the suite's own does, too.
 */
function lookAtOthers(scene: ClusterScene, failed: ClusterNode, fromMs: number): void {
  const others = scene.cluster.nodes.filter((node) => node !== failed).flatMap(scene.actorsOf)
  const texts = unansweredOf(scene.load.sent, others, { fromMs, toMs: performance.now() })
  scene.problems.push(...texts.map((text) => `a swarm of another master: ${text}`))
}

/** Tells of what was refused of any swarm. */
function lookAtAll({ load, problems }: ClusterScene, fromMs: number): void {
  const texts = unansweredOf(load.sent, load.actors, { fromMs, toMs: performance.now() })
  problems.push(...texts.map((text) => `a swarm: ${text}`))
}

/** A master fails in some way, its replica takes its place, and it comes back as a replica. */
async function failOver(
  scene: ClusterScene,
  { master, replica }: Pair,
  { fail, heal }: { fail: () => Promise<void> | void; heal: (fromMs: number) => Promise<void> | void },
): Promise<{ fromMs: number; healedMs: number; loss: Loss }> {
  const offsets = await followOffsets(master)
  const fromMs = performance.now()
  await fail()
  const loss = await countReplicaLoss(scene, offsets, [replica], scene.actorsOf(master))
  const { promotedMs } = await untilOnePromoted([replica], PROMOTED_MS_MAX)
  await heal(fromMs)
  await until('the old master to be a replica', () => isReplicaOf(master, replica), REPLICA_MS_MAX)
  lookAtOthers(scene, master, fromMs)
  return { fromMs, healedMs: promotedMs, loss }
}

const killed = (pair: Pair) => ({ fail: () => pair.master.kill(), heal: () => pair.master.start() })

async function killTwo(scene: ClusterScene): Promise<Moments> {
  const [a, b] = pairsOf(scene)
  const first = await failOver(scene, a, killed(a))
  await sleep(REST_MS)
  const again = { fromMs: first.healedMs + SERVED_MS, toMs: performance.now() }
  scene.problems.push(...unansweredOf(scene.load.sent, scene.load.actors, again))
  const second = await failOver(scene, b, killed(b))
  const loss = { sinceMs: first.loss.sinceMs, lost: first.loss.lost + second.loss.lost }
  return { fromMs: first.fromMs, healedMs: second.healedMs, loss }
}

async function hangOne(scene: ClusterScene): Promise<Moments> {
  const [pair] = pairsOf(scene)
  const { process } = pair.master
  return await failOver(scene, pair, {
    fail: () => void process.kill('SIGSTOP'),
    async heal(fromMs) {
      await sleep(Math.max(0, fromMs + HANGS_MS - performance.now()))
      process.kill('SIGCONT')
    },
  })
}

async function killOneAfterLag(scene: ClusterScene): Promise<Moments> {
  const [pair] = pairsOf(scene)
  let lagFromMs = 0
  const moments = await failOver(scene, pair, {
    async fail() {
      lagFromMs = performance.now()
      await cutReplication(pair.master, () => void pair.replica.process.kill('SIGSTOP'))
      await sleep(LAG_MS)
      await pair.master.kill()
      pair.replica.process.kill('SIGCONT')
    },
    heal: () => pair.master.start(),
  })
  scene.problems.push(...problemsOfLag(moments.loss, lagFromMs))
  return moments
}

/**
 * A replica that is told to take its master's place has all of it: nothing is lost, and nobody is refused. Its master holds writes
 * meanwhile, on a busy machine for a second or more.
 */
async function takeOver(scene: ClusterScene): Promise<Moments> {
  const [a, b] = pairsOf(scene)
  const fromMs = performance.now()
  let healedMs = fromMs
  for (const { master, replica } of [a, b]) {
    await replica.redis.call('CLUSTER', 'FAILOVER')
    healedMs = (await untilOnePromoted([replica], PROMOTED_MS_MAX)).promotedMs
    await until('the old master to be a replica', () => isReplicaOf(master, replica), REPLICA_MS_MAX)
    await sleep(REST_MS)
  }
  lookAtAll(scene, fromMs)
  return { fromMs, healedMs }
}

/** Slots of swarms that are played go to the next master, and back, one after another. */
async function reshard(scene: ClusterScene): Promise<Moments> {
  const { cluster, load } = scene
  const fromMs = performance.now()
  const slots = new Map<number, ClusterNode>()
  for (const { infoHash } of load.actors) {
    const key = makeKeys('').swarm(infoHash.toString('hex'))
    if (slots.size < SLOTS_MOVED) slots.set(calculateSlot(key), await cluster.nodeOf(key))
  }
  for (const [slot, owner] of slots) {
    const { nodes } = cluster
    await cluster.moveSlot(slot, nodes[(nodes.indexOf(owner) + 1) % nodes.length] as ClusterNode)
  }
  for (const [slot, owner] of slots) await cluster.moveSlot(slot, owner)
  lookAtAll(scene, fromMs)
  return { fromMs, healedMs: performance.now() }
}

/** Some commands to all masters, again and again. */
async function tellMasters({ cluster }: ClusterScene, ...command: [string, ...string[]]): Promise<Moments> {
  const fromMs = performance.now()
  for (let i = 0; i < TIMES; i++) {
    if (i > 0) await sleep(EVERY_MS)
    await Promise.all(cluster.nodes.map(({ redis }) => redis.call(...command)))
  }
  return { fromMs, healedMs: performance.now() }
}

/** What clients of the swarms of a master are told until another has its place. */
const MASTER_AWAY: Fault['mayRefuse'] = ['failing_over', 'slow', 'away']

export const clusterFaults: readonly Fault[] = [
  {
    name: 'Cluster: `kill -9` of two masters in turn, which come back',
    mayRefuse: MASTER_AWAY,
    stage: onCluster(killTwo),
  },
  {
    name: 'Cluster: `SIGSTOP` of a master for 8 s',
    mayRefuse: MASTER_AWAY,
    stage: onCluster(hangOne),
  },
  {
    name: 'Cluster: `kill -9` of a master after 3 s without replication',
    mayRefuse: MASTER_AWAY,
    stage: onCluster(killOneAfterLag),
  },
  {
    name: 'Cluster: `CLUSTER FAILOVER` of two masters in turn',
    stage: onCluster(takeOver),
  },
  {
    name: 'Cluster: 40 slots moved to another master and back',
    stage: onCluster(reshard),
  },
  {
    name: 'Cluster: `FUNCTION FLUSH` on all masters, three times',
    stage: onCluster((scene) => tellMasters(scene, 'FUNCTION', 'FLUSH')),
  },
  {
    name: 'Cluster: `CLIENT KILL TYPE normal` on all masters, three times',
    mayRefuse: MASTER_AWAY,
    stage: onCluster((scene) => tellMasters(scene, 'CLIENT', 'KILL', 'TYPE', 'normal')),
  },
]
