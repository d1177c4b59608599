// What an export and an import take: `npm run bench:move -- --help`.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import type { Redis } from 'ioredis'
import { fieldsOf } from '../../lib/store/check-server.ts'
import { exitOnSignals, temporaryFolder } from '../support/at-exit.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { fill, makePeers } from './fill.ts'
import { redisCpuUs } from './repository/measure.ts'

const { values } = parseArgs({
  options: {
    torrents: { type: 'string', default: '100000' },
    peers: { type: 'string', default: '200000' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(`npm run bench:move -- [--torrents N] [--peers N] [--json]
redswarm export of a tracker, compressed and not, and redswarm import into an empty Redis: a line of JSON each with seconds, CPU time and
peak memory of the command, CPU time of Redis's main thread, how long its scripts hold Redis up (µs), and bytes of the file. The
import's figures have its audit in them.`)
  process.exit(0)
}

const POLL_MS = 50

/** The peak of a process's resident memory so far; 0 once it has ended. */
function peakBytes(pid: number): number {
  try {
    return 1024 * Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}

const childrenCpuS = (): number => {
  const [, , user = 0, system = 0] =
    /\) \S(?: \S+){10} (\d+) (\d+) (\d+) (\d+)/.exec(readFileSync('/proc/self/stat', 'utf8'))?.slice(1).map(Number) ??
    []
  return (user + system) / 100
}

/** Runs a command to its end on a Redis. */
async function measure({ redis, url }: TestRedis, args: string[], file: string) {
  await redis.config('RESETSTAT')
  const [cpuUs, ownS, startMs] = [await redisCpuUs(redis), childrenCpuS(), performance.now()]
  const child = spawn(process.execPath, ['services/main.ts', ...args], {
    cwd: join(import.meta.dirname, '../..'),
    env: { PATH: process.env.PATH, REDSWARM_REDIS_URL: url },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let peak = 0
  const poll = setInterval(() => {
    peak = Math.max(peak, peakBytes(child.pid as number))
  }, POLL_MS)
  const [told, [code]] = await Promise.all([text(child.stdout), once(child, 'close')])
  clearInterval(poll)
  if (code !== 0) throw new Error(`redswarm ${args.join(' ')} ended with ${code}: ${told}`)
  return {
    command: args[0],
    seconds: rounded((performance.now() - startMs) / 1000),
    cpuS: rounded(childrenCpuS() - ownS),
    peakMb: Math.round(peak / 1e6),
    redisCpuS: rounded(((await redisCpuUs(redis)) - cpuUs) / 1e6),
    scripts: await scriptsOf(redis),
    heldUpUs: fieldsOf(await redis.info('latencystats')).get('latency_percentiles_usec_fcall'),
    bytes: (await stat(file)).size,
  }
}

const rounded = (seconds: number): number => Number(seconds.toFixed(1))

const scriptsOf = async (redis: Redis): Promise<number> =>
  Number(/calls=(\d+)/.exec(fieldsOf(await redis.info('commandstats')).get('cmdstat_fcall') ?? '')?.[1])

exitOnSignals()
const { path: folder } = await temporaryFolder('bench-move')
const percentiles = ['--latency-tracking-info-percentiles', '50 99 99.9 100']
const [from, to] = await Promise.all([startRedis(...percentiles), startRedis(...percentiles)])
await fill(from.redis, makePeers(Number(values.torrents), Number(values.peers)))
const file = join(folder, 'tracker.jsonl')
for (const [redis, args, name] of [
  [from, ['export', file], file],
  [from, ['export', `${file}.gz`], `${file}.gz`],
  [to, ['import', `${file}.gz`], `${file}.gz`],
  [to, ['import', '--merge', `${file}.gz`], `${file}.gz`],
] as const)
  console.log(JSON.stringify(await measure(redis, [...args], name)))
await Promise.all([from.stop(), to.stop()])
