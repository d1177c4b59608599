import { setTimeout as sleep } from 'node:timers/promises'
import type { OneRedisScene } from './one-redis.ts'
import type { Part } from './part.ts'
import { UNWRITTEN_MS_MAX } from './redis-server.ts'
import type { Tracker } from './tracker.ts'

/** Something that happens to a tracker now and then, and is over when it resolves. */
export type SoakFault = {
  name: string
  /** Whether a frontend dies, so that requests may go without an answer. */
  mayLose?: true
  strike: (scene: OneRedisScene, random: () => number) => Promise<unknown>
}

const HANG_MS_MAX = 2500
const AWAY_MS_MAX = 2000
/** Answers that were on their way when Redis died have come by then. */
const ARRIVES_MS = 200

const anyOf = <T>(values: readonly T[], random: () => number): T => values[Math.floor(random() * values.length)] as T

async function killAgain(parts: readonly Part[], random: () => number): Promise<void> {
  await Promise.all(parts.map((part) => part.kill()))
  await sleep(500 * random())
  await Promise.all(parts.map((part) => part.start()))
}

/** The first of each role is never killed, so that its memory can be followed; but for the sweeper, which is alone. */
export const everStruck = (tracker: Tracker, part: Part): boolean =>
  part.role === 'sweeper' || tracker.of(part.role)[0] !== part

const frontends = ({ tracker }: OneRedisScene): Part[] =>
  [...tracker.of('udp'), ...tracker.of('http')].filter((part) => everStruck(tracker, part))

/** What a day brings, and what it should not. */
export const soakFaults: readonly SoakFault[] = [
  {
    name: 'kill -9 of a frontend',
    mayLose: true,
    strike: (scene, random) => killAgain([anyOf(frontends(scene), random)], random),
  },
  { name: 'kill -9 of two frontends', mayLose: true, strike: (scene, random) => killAgain(frontends(scene), random) },
  { name: 'kill -9 of the sweeper', strike: ({ tracker }, random) => killAgain(tracker.of('sweeper'), random) },
  {
    name: 'a frontend replaced',
    mayLose: true,
    async strike(scene, random) {
      const part = anyOf(frontends(scene), random)
      await part.end()
      await part.start()
    },
  },
  {
    name: 'SIGSTOP of a process',
    async strike({ parts }, random) {
      const part = anyOf(parts, random)
      part.signal('SIGSTOP')
      await sleep(HANG_MS_MAX * random())
      part.signal('SIGCONT')
    },
  },
  {
    name: 'SIGSTOP of Redis',
    async strike({ server }, random) {
      server.signal('SIGSTOP')
      await sleep(HANG_MS_MAX * random())
      server.signal('SIGCONT')
      await server.untilServes()
    },
  },
  {
    name: 'kill -9 of Redis',
    async strike({ server, load }, random) {
      const sinceMs = performance.now() - UNWRITTEN_MS_MAX
      await server.kill()
      await sleep(ARRIVES_MS + AWAY_MS_MAX * random())
      for (const { swarm } of load.actors) swarm.mayHaveLost(sinceMs, performance.now())
      await server.start()
      await server.untilServes()
    },
  },
  { name: 'FUNCTION FLUSH', strike: ({ server }) => server.redis.call('FUNCTION', 'FLUSH') },
  { name: 'CLIENT KILL of all', strike: ({ server }) => server.redis.call('CLIENT', 'KILL', 'TYPE', 'normal') },
  { name: 'BGREWRITEAOF', strike: ({ server }) => server.redis.bgrewriteaof() },
  {
    name: 'maxmemory reached',
    async strike({ server }, random) {
      await server.redis.config('SET', 'maxmemory', '1mb')
      await sleep(AWAY_MS_MAX * random())
      await server.redis.config('SET', 'maxmemory', '0')
    },
  },
]
