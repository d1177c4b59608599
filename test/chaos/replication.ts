import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { Actor } from './actor.ts'
import type { Scene } from './fault.ts'
import { countLoss } from './loss.ts'

/** A Redis of a set, by the connection that a test has to it. */
export type Member = { port: number; redis: Redis }

/** How far a master had written at each moment, by its own count. */
export type Offsets = {
  /** The last moment at which it had written no more than so much: all that was acknowledged before is in it. */
  sinceMs: (offset: number) => number
  stop: () => void
}

/** What a replica lacks of what its master has acknowledged. */
export type Loss = { sinceMs: number; lost: number }

/** For so long a master hangs, and replicas lag. */
export const HANGS_MS = 8000
export const LAG_MS = 3000
/** What was acknowledged so long before a lag began has reached all: how far the master is, is asked for more often. */
const LAG_KNOWN_MS = 100
const ASK_EVERY_MS = 10
/** For so long a master is asked before anything is done to it. */
const KNOWN_MS = 200
/** A replica has read all that has reached it, once its count stands for so long. */
const STILL_MS = 300

const numberIn = (info: string, field: string): number => Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(info)?.[1])

/** Asks a master all the time how far it is, for a moment already; until it is told to stop, and the master may be gone by then. */
export async function followOffsets({ redis }: Member): Promise<Offsets> {
  const known: { atMs: number; offset: number }[] = []
  let isOver = false
  const ask = async () => {
    while (!isOver) {
      // Of what was acknowledged before it was asked, all counts.
      const atMs = performance.now()
      const info = await redis.info('replication').catch(() => '')
      if (!isOver && info.startsWith('# Replication\r\nrole:master'))
        known.push({ atMs, offset: numberIn(info, 'master_repl_offset') })
      await sleep(ASK_EVERY_MS)
    }
  }
  void ask()
  await sleep(KNOWN_MS)
  return {
    sinceMs(most) {
      const last = known.findLast(({ offset }) => offset <= most)
      if (!last) throw new Error('a replica lacks what came before its master was asked')
      return last.atMs
    },
    stop() {
      isOver = true
    },
  }
}

/** How far a replica is, once nothing more comes. */
async function untilStill({ redis }: Member): Promise<number> {
  let [offset, sinceMs] = [Number.NaN, Number.POSITIVE_INFINITY]
  while (performance.now() - sinceMs < STILL_MS) {
    const now = numberIn(await redis.info('replication'), 'slave_repl_offset')
    if (now !== offset) [offset, sinceMs] = [now, performance.now()]
    await sleep(ASK_EVERY_MS)
  }
  return offset
}

/**
 * Counts what is lost with a master that serves no more, before a replica is promoted: that which has most will be. Nothing is
 * acknowledged meanwhile, so the load may go on.
 */
export async function countReplicaLoss(
  scene: Scene,
  offsets: Offsets,
  replicas: readonly Member[],
  actors: readonly Actor[] = scene.load.actors,
): Promise<Loss> {
  const stood = await Promise.all(replicas.map(async (member) => ({ member, offset: await untilStill(member) })))
  const [best] = stood.sort((a, b) => b.offset - a.offset)
  if (!best) throw new Error('there is no replica')
  offsets.stop()
  const sinceMs = offsets.sinceMs(best.offset)
  const lost = await countLossAt(scene, best.member, sinceMs, actors)
  if ((await promotedOf(replicas)) !== undefined) scene.problems.push('a replica was promoted before it was looked at')
  return { sinceMs, lost }
}

/** The same, of a replica that has been promoted while its master lived on; the load is paused. */
export async function countPromotedLoss(scene: Scene, offsets: Offsets, promoted: Member): Promise<Loss> {
  offsets.stop()
  // The first that its master before did not send it.
  const next = numberIn(await promoted.redis.info('replication'), 'second_repl_offset')
  const sinceMs = offsets.sinceMs(next - 1)
  return { sinceMs, lost: await countLossAt(scene, promoted, sinceMs) }
}

async function countLossAt(scene: Scene, { port }: Member, sinceMs: number, actors = scene.load.actors) {
  const redis = new Redis({ port, protocol: 2 })
  try {
    // A replica of a Cluster would send elsewhere; others know no such command.
    await redis.readonly().catch(() => {})
    return await countLoss(scene, sinceMs, { redis, actors })
  } finally {
    redis.disconnect()
  }
}

/** Which of some replicas is a master now. */
async function promotedOf<T extends Member>(replicas: readonly T[]): Promise<T | undefined> {
  const roles = await Promise.all(replicas.map(({ redis }) => redis.role()))
  return replicas.find((_, i) => roles[i]?.[0] === 'master')
}

/** Waits until one of some replicas is a master; answers which, and when that was seen. */
export async function untilOnePromoted<T extends Member>(replicas: readonly T[], forMsMax: number) {
  const deadlineMs = performance.now() + forMsMax
  for (;;) {
    const promoted = await promotedOf(replicas)
    const promotedMs = performance.now()
    if (promoted) return { promoted, promotedMs }
    if (promotedMs > deadlineMs) throw new Error('no replica was promoted')
    await sleep(ASK_EVERY_MS / 2)
  }
}

/** Whether a member replicates from another, and has had all of it. */
export async function isReplicaOf({ redis }: Member, { port }: Member): Promise<boolean> {
  const info = await redis.info('replication')
  return info.includes('role:slave') && info.includes(`master_port:${port}\r`) && info.includes('master_link_status:up')
}

/** What is wrong with what was lost by a lag: more than all of it, or nothing. */
export function problemsOfLag({ sinceMs, lost }: Loss, lagFromMs: number): string[] {
  return [
    ...(sinceMs < lagFromMs - LAG_KNOWN_MS ? ['replicas lack what came before the lag'] : []),
    ...(lost === 0 ? ['nothing was lost: replication went on'] : []),
  ]
}

/** Has nothing more reach replicas, whose processes are stopped: not even what their master has sent them. */
export async function cutReplication({ redis }: Member, stop: () => void): Promise<void> {
  stop()
  // What a master sends to one that is stopped would wait in the socket, and be read later.
  await redis.call('CLIENT', 'KILL', 'TYPE', 'replica')
}
