import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../../support/redis.ts'
import type { SetMember } from '../../support/sentinel.ts'
import type { Fault, Moments } from '../fault.ts'
import {
  countPromotedLoss,
  countReplicaLoss,
  cutReplication,
  followOffsets,
  HANGS_MS,
  isReplicaOf,
  LAG_MS,
  problemsOfLag,
  untilOnePromoted,
} from '../replication.ts'
import { onSentinels, type SentinelScene } from '../sentinels.ts'

/** They find it away after 2 s, and where they do not agree on who is to act, try again after 4 s. */
const PROMOTED_MS_MAX = 20_000
/** Sentinels make a master that comes back a replica after 8 to 10 s. */
const REPLICA_MS_MAX = 30_000

/** The master as it is now, those that may take its place, and how far they are. */
async function watch({ set }: SentinelScene) {
  const master = await set.master()
  const replicas = set.nodes.filter((node) => node !== master)
  return { master, replicas, offsets: await followOffsets(master) }
}

/** Waits until the old master replicates from the new one, and all Sentinels agree. */
async function untilWhole({ set, redis }: SentinelScene, old: SetMember, promoted: SetMember): Promise<void> {
  await until('the old master to be a replica', () => isReplicaOf(old, promoted), REPLICA_MS_MAX)
  await set.settled()
  await until('the new master to be looked at', async () => (await redis.role())[0] === 'master')
}

async function killMaster(scene: SentinelScene): Promise<Moments> {
  const { master, replicas, offsets } = await watch(scene)
  const fromMs = performance.now()
  await master.kill()
  const loss = await countReplicaLoss(scene, offsets, replicas)
  const { promoted, promotedMs } = await untilOnePromoted(replicas, PROMOTED_MS_MAX)
  master.start()
  await untilWhole(scene, master, promoted)
  return { fromMs, healedMs: promotedMs, loss }
}

/** The old master goes on with what it had: all of that is stale, and must reach nobody. */
async function hangMaster(scene: SentinelScene): Promise<Moments> {
  const { master, replicas, offsets } = await watch(scene)
  const fromMs = performance.now()
  master.process().kill('SIGSTOP')
  const loss = await countReplicaLoss(scene, offsets, replicas)
  const { promoted, promotedMs } = await untilOnePromoted(replicas, PROMOTED_MS_MAX)
  await sleep(Math.max(0, fromMs + HANGS_MS - performance.now()))
  master.process().kill('SIGCONT')
  await untilWhole(scene, master, promoted)
  return { fromMs, healedMs: promotedMs, loss }
}

async function failOver(scene: SentinelScene): Promise<Moments> {
  const { master, replicas, offsets } = await watch(scene)
  const fromMs = performance.now()
  await scene.set.sentinels[0]?.redis.call('SENTINEL', 'FAILOVER', 'swarms')
  const { promoted, promotedMs } = await untilOnePromoted(replicas, PROMOTED_MS_MAX)
  // No swarm asks twice within so short a time: nobody has been told yet what may be lost.
  await scene.load.pause()
  const loss = await countPromotedLoss(scene, offsets, promoted)
  scene.load.resume()
  await untilWhole(scene, master, promoted)
  return { fromMs, healedMs: promotedMs, loss }
}

async function killMasterAfterLag(scene: SentinelScene): Promise<Moments> {
  const { master, replicas, offsets } = await watch(scene)
  const signal = (name: NodeJS.Signals) => {
    for (const replica of replicas) replica.process().kill(name)
  }
  const lagFromMs = performance.now()
  await cutReplication(master, () => signal('SIGSTOP'))
  await sleep(LAG_MS)
  const fromMs = performance.now()
  await master.kill()
  signal('SIGCONT')
  const loss = await countReplicaLoss(scene, offsets, replicas)
  scene.problems.push(...problemsOfLag(loss, lagFromMs))
  const { promoted, promotedMs } = await untilOnePromoted(replicas, PROMOTED_MS_MAX)
  master.start()
  await untilWhole(scene, master, promoted)
  return { fromMs, healedMs: promotedMs, loss }
}

/** What clients are told until the Sentinels name another master: the first ones that theirs is slow, or is one no more. */
const MASTER_AWAY: Fault['mayRefuse'] = ['failing_over', 'slow', 'away', 'read_only']

/**
 * Back within the second that all faults have: the tracker is told the names of all Sentinels, and hears of a promotion from the one
 * that makes it. From the others it would hear up to a second later.
 */
export const sentinelFaults: readonly Fault[] = [
  {
    name: 'Sentinels: `kill -9` of the master, which comes back',
    mayRefuse: MASTER_AWAY,
    stage: onSentinels(killMaster),
  },
  {
    name: 'Sentinels: `SIGSTOP` of the master for 8 s',
    mayRefuse: MASTER_AWAY,
    stage: onSentinels(hangMaster),
  },
  {
    name: 'Sentinels: `SENTINEL FAILOVER`',
    mayRefuse: MASTER_AWAY,
    stage: onSentinels(failOver),
  },
  {
    name: 'Sentinels: `kill -9` of the master after 3 s without replication',
    mayRefuse: MASTER_AWAY,
    stage: onSentinels(killMasterAfterLag),
  },
]
