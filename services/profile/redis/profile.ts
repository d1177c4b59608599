import { OperatorError } from '../../../lib/errors.ts'
import { shown } from '../../../lib/observe/table.ts'
import { makeRandom } from '../../../lib/random.ts'
import { fieldsOf } from '../../../lib/store/check-server.ts'
import { connectRedis } from '../../../lib/store/connect.ts'
import type { ProfileOptions } from '../options.ts'
import type { OnPhase } from '../progress.ts'
import { type ProfiledTracker, runLoad, startProfiledTracker } from '../tracker.ts'
import { keepFromRewriting, type RedisCosts } from './measure.ts'
import { readMemory } from './memory.ts'
import { samplesPerS } from './perf.ts'
import { type RedisReport, writeReport } from './report.ts'
import { countRun, countsProblem, type MeasuredLoad, profileRun } from './run.ts'
import type { Redis } from './stats.ts'

/** What the command was asked for. */
export type ProfileRedisOptions = ProfileOptions & { perf: boolean }

/** The seconds after the profile itself, with instrumented scripts and without the AOF: enough for a mean. */
const SIDE_SECONDS_MAX = 10

/** Profiles the Redis of a UDP tracker under load; answers the text, the files that it has written, and what is wrong. */
export async function profileRedis(
  options: ProfileRedisOptions,
  tell: OnPhase,
  lifecycle: { onStop: (name: string, stop: () => Promise<void>) => void },
): Promise<{ text: string; files: string[]; problem: string | undefined }> {
  const plain = await withTracker(undefined, lifecycle, (tracker, redis) => profilePlain(tracker, redis, options, tell))
  const preload = new URL('./preload.ts', import.meta.url).href
  const counts = await withTracker(preload, lifecycle, (tracker, redis) => {
    tell(`counting the commands of instrumented scripts: fill, then ${sideSeconds(options)} s`)
    return countRun(redis, loadOf(tracker, options, sideSeconds(options)))
  })
  return { ...(await writeReport(options.folder, { ...plain, counts })), problem: countsProblem(counts) }
}

const sideSeconds = ({ seconds }: ProfileRedisOptions): number => Math.min(seconds, SIDE_SECONDS_MAX)

async function profilePlain(
  tracker: ProfiledTracker,
  redis: Redis,
  options: ProfileRedisOptions,
  tell: OnPhase,
): Promise<RedisReport> {
  const run = (load: MeasuredLoad) =>
    profileRun({
      ...{ redis, redisPid: tracker.redisPid, load },
      ...{ scratch: options.perf ? tracker.folder : undefined, frequency: samplesPerS(options.seconds) },
    })
  tell(`measuring Redis under load: fill, then ${options.seconds} s`)
  const { costs, perf } = await run(loadOf(tracker, options, options.seconds))
  tell('weighing the keys')
  const memory = await readMemory(redis, '', makeRandom())
  tell(`the same load without the AOF, ${sideSeconds(options)} s`)
  await redis.config('SET', 'appendonly', 'no')
  // With perf as well, so that the AOF is all that it is without.
  const { costs: withoutAof } = await run(loadOf(tracker, options, sideSeconds(options), ['--no-fill']))
  const redisVersion = fieldsOf(await redis.info('server')).get('redis_version') ?? ''
  return {
    title: titleOf(options, costs, redisVersion),
    ...{ redisVersion, costs, withoutAof, memory, perf, counts: undefined },
    notes: typeof perf === 'string' ? [`no flamegraph: ${perf}`] : [],
  }
}

const titleOf = ({ torrents, peers }: ProfileRedisOptions, { announces, seconds }: RedisCosts, version: string) =>
  `Redis ${version} under redswarm load udp: ${shown(torrents)} torrents, ${shown(peers)} peers, ` +
  `${shown(announces)} announces in ${seconds.toFixed(1)} s`

/** `redswarm load udp` on a tracker. */
function loadOf(
  { url }: ProfiledTracker,
  { torrents, peers }: ProfileRedisOptions,
  seconds: number,
  more: readonly string[] = [],
): MeasuredLoad {
  const sizes = ['--torrents', String(torrents), '--peers', String(peers), '--seconds', String(seconds)]
  return async ({ begin, end }) => {
    const load = runLoad(['udp', url, ...sizes, ...more])
    try {
      await load.loading
      await begin()
      await load.loaded
      await end()
      const { announces } = await load.result
      if (announces === 0) throw new OperatorError('the load had no announce answered')
      return announces
    } finally {
      await load.stop()
    }
  }
}

async function withTracker<T>(
  preload: string | undefined,
  lifecycle: { onStop: (name: string, stop: () => Promise<void>) => void },
  use: (tracker: ProfiledTracker, redis: Redis) => Promise<T>,
): Promise<T> {
  const tracker = await startProfiledTracker({ role: 'udp', preload })
  lifecycle.onStop('tracker', tracker.stop)
  try {
    const redis = await connectRedis(tracker.redisUrl)
    try {
      await keepFromRewriting(redis)
      return await use(tracker, redis)
    } finally {
      redis.disconnect()
    }
  } finally {
    await tracker.stop()
  }
}
