import { setTimeout as sleep } from 'node:timers/promises'
import { untilJobDone } from '../../support/jobs.ts'
import { until } from '../../support/redis.ts'
import type { Fault, Moments } from '../fault.ts'
import { type OneRedisScene, onOneRedis } from '../one-redis.ts'
import { writtenMs } from '../redis-server.ts'

const DOWN_MS = 3000

/** What Redis had written to its file is there again; clients ask all the time. */
async function killAndRestart({ server, load }: OneRedisScene): Promise<Moments> {
  const sinceMs = await writtenMs(server)
  const fromMs = performance.now()
  await server.kill()
  await sleep(DOWN_MS)
  for (const { swarm } of load.actors) swarm.mayHaveLost(sinceMs, performance.now())
  await server.start()
  return { fromMs, healedMs: await server.untilServes() }
}

async function hang({ server }: OneRedisScene, forMs: number): Promise<Moments> {
  const fromMs = performance.now()
  server.signal('SIGSTOP')
  await sleep(forMs)
  server.signal('SIGCONT')
  return { fromMs, healedMs: await server.untilServes() }
}

/** What one operator's command takes from all frontends, three times, a second apart. */
async function callEach({ server }: OneRedisScene, ...words: [string, ...string[]]): Promise<Moments> {
  const fromMs = performance.now()
  for (let i = 0; i < 3; i++) {
    const [command, ...args] = words
    await server.redis.call(command, args)
    await sleep(1000)
  }
  return { fromMs, healedMs: performance.now() }
}

/** Announces and sweeps are Functions, which stay; the job queue of sweeps has scripts. */
async function flushScripts(scene: OneRedisScene): Promise<Moments> {
  const moments = await callEach(scene, 'SCRIPT', 'FLUSH')
  await untilJobDone(scene.server.redis)
  return moments
}

/** Redis takes nothing more until it is told that it has room. */
async function fillMemory({ server }: OneRedisScene): Promise<Moments> {
  const fromMs = performance.now()
  await server.redis.config('SET', 'maxmemory', '1mb')
  await sleep(4000)
  await server.redis.config('SET', 'maxmemory', '0')
  return { fromMs, healedMs: performance.now() }
}

/** An append-only file is written anew, by a child that shares its memory, three times. */
async function rewrite({ server }: OneRedisScene): Promise<Moments> {
  const fromMs = performance.now()
  for (let i = 0; i < 3; i++) {
    await server.redis.bgrewriteaof()
    await until('the file to be written', async () => /aof_rewrite_in_progress:0/.test(await server.redis.info()))
  }
  return { fromMs, healedMs: performance.now() }
}

export const redisFaults: readonly Fault[] = [
  {
    name: '`kill -9` of Redis with `appendfsync everysec`, started again after 3 s',
    mayRefuse: ['away', 'loading'],
    stage: onOneRedis(killAndRestart),
  },
  {
    name: '`SIGSTOP` of Redis for 5 s',
    mayRefuse: ['slow', 'away'],
    stage: onOneRedis((scene) => hang(scene, 5000)),
  },
  {
    name: '`SIGSTOP` of Redis for 60 s',
    mayRefuse: ['slow', 'away'],
    stage: onOneRedis((scene) => hang(scene, 60_000)),
  },
  {
    name: '`SCRIPT FLUSH`',
    stage: onOneRedis(flushScripts, { tracker: { settings: { REDSWARM_SWEEP_INTERVAL_S: '1' } } }),
  },
  { name: '`FUNCTION FLUSH`', stage: onOneRedis((scene) => callEach(scene, 'FUNCTION', 'FLUSH')) },
  {
    name: '`CLIENT KILL` of all',
    mayRefuse: ['away'],
    stage: onOneRedis((scene) => callEach(scene, 'CLIENT', 'KILL', 'TYPE', 'normal')),
  },
  { name: '`maxmemory` reached for 4 s', mayRefuse: ['out_of_memory'], stage: onOneRedis(fillMemory) },
  { name: '`BGREWRITEAOF`', stage: onOneRedis(rewrite) },
]
