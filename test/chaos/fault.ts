import type { RedisClient } from '../../lib/store/client.ts'
import type { Refusal } from '../../lib/swarm/store.ts'
import type { Load } from './load.ts'
import type { Part } from './part.ts'

/** When a fault began, and when what it was done to was itself again; of this process's clock. */
export type Moments = {
  fromMs: number
  healedMs: number
  /** When each process began to end, and was gone: until then it may have taken requests in. */
  ends?: readonly { fromMs: number; goneMs: number }[]
  /** Whether it is not to be seen how soon clients are served then: the load was paused, or nothing had ceased to be served. */
  isUntimed?: true
  /** What else was measured. */
  note?: string
  /** How many peers were lost though they had been acknowledged: all were after `sinceMs`, when the store could still lose them. */
  loss?: { sinceMs: number; lost: number }
}

/** A tracker on its store under load, to which something is done. */
export type Scene = {
  load: Load
  parts: readonly Part[]
  /** What the tracker's store is looked at with. */
  redis: RedisClient
  usedBytes: () => Promise<number>
  peerLifetimeS: number
  /** What a strike found that should not be. */
  problems: string[]
  stop: () => Promise<void>
}

/** What opens a scene needs: a folder of its own, and where its chance comes from. */
export type Stage = { folder: string; seed: number }

/** A scene, and what is done to it. */
export type Staged = {
  scene: Scene
  strike: () => Promise<Moments>
}

/** Requests of a protocol that may go without an answer: those in flight while processes ended, or any until all has healed. */
export type MayLose = {
  of: 'udp' | 'http' | 'both'
  when: 'in flight' | 'meanwhile'
  /** Whether only on connections that had no answer yet. */
  isOnNewConnections?: true
}

/** Something that happens to a tracker, and what it may cost. */
export type Fault = {
  name: string
  /** Whether it is tried with each change. */
  isShort?: true
  stage: (stage: Stage) => Promise<Staged>
  /** Causes for which requests may be refused until it has healed, and some must be. Left out: none is. */
  mayRefuse?: readonly Refusal[]
  /** Whether it can be too short for any to be refused. */
  isMaybeShort?: true
  /** Requests that may go without an answer. Left out: none does. */
  mayLose?: MayLose
  /** The frontend that has no part in it: nothing that it is asked may be refused or lost. */
  untouched?: string
  /** Milliseconds until all requests are served again, at most, where that is more than a second. */
  recoveryMsMax?: number
  /** Why it cannot be tried on this machine, or undefined. */
  missing?: () => Promise<string | undefined> | string | undefined
}
