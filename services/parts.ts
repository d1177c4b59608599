import type { Listen } from '../lib/config/listen.ts'
import type { Settings } from '../lib/config/settings.ts'
import type { Lifecycle } from '../lib/lifecycle.ts'
import type { Counters } from '../lib/observe/counters.ts'
import type { Logger } from '../lib/observe/log.ts'
import type { Measures } from '../lib/observe/measures.ts'
import type { MetricSource } from '../lib/observe/metrics.ts'
import type { RedisClient } from '../lib/store/client.ts'
import type { SharedClock } from '../lib/store/clock.ts'
import type { Keys } from '../lib/store/keys.ts'
import type { Pulse } from '../lib/store/pulse.ts'
import type { SweepIntervals } from '../lib/store/sweep.ts'
import { INTERVAL_SPREAD } from '../lib/swarm/announce.ts'

/** How often a process tells Redis what it has to tell, and looks whether it answers. */
export const EVERY_SECOND_MS = 1000

/** What all roles share. Time and chance enter the program here and nowhere else. */
export type Parts = {
  settings: Settings
  /** This process's own, in every run. */
  instanceId: string
  version: string
  redisUrl: string
  redis: RedisClient
  pulse: Pulse
  keys: Keys
  clock: SharedClock
  /** Milliseconds since the epoch, by this machine's clock. */
  ownNowMs: () => number
  /** Milliseconds since this process started: it goes on alike while somebody sets this machine's clock. */
  uptimeMs: () => number
  /** Chance, 0 to 1. */
  random: () => number
  counters: Counters
  measures: Measures
  /** What each role tells Prometheus; the roles add to it as they start. */
  metricSources: MetricSource[]
  log: Logger
  lifecycle: Lifecycle
  repeat: Repeat
  sharesPorts: boolean
  /** The number of this process, where it is one of several on the same ports. */
  number: string | undefined
}

/** Runs a task again and again until the stop. */
export type Repeat = (everyMs: number, task: () => Promise<void>) => void

/** What was started, for the summary. */
export type Started = {
  udp: Listen[]
  http: Listen[]
  api: Listen[]
  health: Listen[]
  metrics: Listen[]
  /** The API token where it was made just now, and where it is kept. */
  newToken: { token: string; file: string } | undefined
}

/** Nothing, for a start. */
export const NOTHING_STARTED: Started = { udp: [], http: [], api: [], health: [], metrics: [], newToken: undefined }

/** How long is between two sweeps, and between two announces of a client at most: one who was told the interval of an overload. */
export const sweepIntervals = (settings: Settings): SweepIntervals => ({
  sweepIntervalS: settings.sweepIntervalS,
  announceIntervalS: Math.round(settings.limits.announceIntervalMaxS * (1 + INTERVAL_SPREAD)),
})
