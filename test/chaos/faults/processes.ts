import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault, Moments } from '../fault.ts'
import { type OneRedisScene, onOneRedis } from '../one-redis.ts'
import type { Part } from '../part.ts'

/** What becomes of a process that is killed: its supervisor starts it again a moment later. */
const RESTART_MS = 1000

/** kill -9 of some processes, which are started again. */
async function killAndRestart(parts: readonly Part[]): Promise<Moments> {
  const fromMs = performance.now()
  await Promise.all(parts.map((part) => part.kill()))
  const goneMs = performance.now()
  await sleep(RESTART_MS)
  const servedMs = await Promise.all(parts.map((part) => part.start()))
  return { fromMs, ends: [{ fromMs, goneMs }], healedMs: Math.max(...servedMs) }
}

async function hang(part: Part, forMs: number): Promise<Moments> {
  const fromMs = performance.now()
  part.signal('SIGSTOP')
  await sleep(forMs)
  part.signal('SIGCONT')
  return { fromMs, healedMs: performance.now() }
}

/** Each process is ended by SIGTERM, and another started in its place, while the other one of its port serves, as at an upgrade. */
async function replaceAll({ tracker, problems }: OneRedisScene): Promise<Moments> {
  const fromMs = performance.now()
  const ends: { fromMs: number; goneMs: number }[] = []
  for (const part of [...tracker.of('udp'), ...tracker.of('http')]) {
    const endMs = performance.now()
    const code = await part.end()
    ends.push({ fromMs: endMs, goneMs: performance.now() })
    if (code !== 0) problems.push(`a ${part.role} process ended with ${code}`)
    await part.start()
  }
  return { fromMs, ends, healedMs: performance.now() }
}

const firstOf = ({ tracker }: OneRedisScene, role: Part['role']): Part => tracker.of(role)[0] as Part

export const processFaults: readonly Fault[] = [
  {
    name: '`kill -9` of one of two UDP processes',
    isShort: true,
    mayLose: { of: 'udp', when: 'in flight' },
    stage: onOneRedis((scene) => killAndRestart([firstOf(scene, 'udp')])),
  },
  {
    name: '`kill -9` of one of two HTTP processes',
    mayLose: { of: 'http', when: 'in flight' },
    stage: onOneRedis((scene) => killAndRestart([firstOf(scene, 'http')])),
  },
  {
    name: '`kill -9` of the sweeper and of the API',
    stage: onOneRedis(({ tracker }) => killAndRestart([...tracker.of('sweeper'), ...tracker.of('api')]), {
      tracker: { hasApi: true },
    }),
  },
  {
    name: '`kill -9` of all frontends at once',
    isShort: true,
    mayLose: { of: 'both', when: 'meanwhile' },
    // All that have just started share what is left of a busy machine: their own calls may come late.
    mayRefuse: ['slow'],
    isMaybeShort: true,
    stage: onOneRedis(({ tracker }) => killAndRestart([...tracker.of('udp'), ...tracker.of('http')])),
  },
  {
    name: '`SIGSTOP` of one of two UDP processes for 3 s',
    stage: onOneRedis((scene) => hang(firstOf(scene, 'udp'), 3000)),
  },
  {
    name: 'all frontends replaced one by one',
    // Connections that a process has not accepted yet are cut, and one that rests may be closed in the moment in which it is used.
    mayLose: { of: 'http', when: 'in flight' },
    stage: onOneRedis(replaceAll),
  },
]
