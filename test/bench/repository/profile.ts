import { Session } from 'node:inspector/promises'
import { dirname, join } from 'node:path'
import type { Redis } from 'ioredis'
import { fieldsOf } from '../../../lib/store/check-server.ts'
import { flamegraphPage } from '../../../services/profile/flamegraph.ts'
import { openFolder, writeFiles } from '../../../services/profile/folder.ts'
import { countCommands } from '../../../services/profile/redis/instrument.ts'
import { readMemory } from '../../../services/profile/redis/memory.ts'
import { makeChance } from '../../../services/profile/redis/profile.ts'
import { writeReport } from '../../../services/profile/redis/report.ts'
import { countRun, type MeasuredLoad, profileRun } from '../../../services/profile/redis/run.ts'
import { INTERVAL_US } from '../../../services/profile/sampling.ts'
import { stacksOf } from '../../../services/profile/stacks.ts'
import { treeOf } from '../../../services/profile/tree.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'
import { makeGroups, type Sizes } from './operations.ts'
import { ownRepository } from './own.ts'
import type { Repository } from './repository.ts'

const TITLE = 'npm run bench:repository -- --profile'

/**
 * Profiles the store without the network, under mixed load: in a first run the stacks of its Node side and of Redis, in
 * a second one, on a Redis of its own, what its scripts call. Answers what to show.
 */
export async function profileRepository(out: string, sizes: Sizes): Promise<string> {
  const folder = await openFolder(out)
  const session = new Session()
  session.connect()
  try {
    await session.post('Profiler.enable')
    await session.post('Profiler.setSamplingInterval', { interval: INTERVAL_US })
    const sampled = await withRedis((server) => profileSampled(session, sizes, server))
    const counts = await withRedis((server) => counted(sizes, server))
    const { profile, ...redisReport } = sampled
    const tree = treeOf(stacksOf(profile), 'all samples that are not idle')
    const { text, files } = await writeReport(folder, { ...redisReport, counts })
    await writeFiles(
      folder,
      { command: TITLE },
      {
        'repository.cpuprofile': JSON.stringify(profile),
        'repository-flamegraph.html': flamegraphPage(tree, `${TITLE}: the store's Node side, ${tree.total} samples`),
      },
    )
    const all = [...files, join(folder, 'repository.cpuprofile'), join(folder, 'repository-flamegraph.html')]
    return `${text}\n${all.map((file) => `  ${file}`).join('\n')}`
  } finally {
    session.disconnect()
  }
}

async function withRedis<T>(use: (server: TestRedis) => Promise<T>): Promise<T> {
  const server = await startRedis()
  try {
    return await use(server)
  } finally {
    await server.stop()
  }
}

async function profileSampled(session: Session, sizes: Sizes, { redis, process, socket }: TestRedis) {
  const load = mixedLoad(sizes, redis)
  const sampling = async (measured: Parameters<MeasuredLoad>[0]) =>
    load({
      async begin() {
        await measured.begin()
        await session.post('Profiler.start')
      },
      end: measured.end,
    })
  const [redisPid, scratch] = [process.pid as number, dirname(socket)]
  const { costs, perf } = await profileRun({ redis, redisPid, scratch, load: sampling })
  const { profile } = await session.post('Profiler.stop')
  const redisVersion = fieldsOf(await redis.info('server')).get('redis_version') ?? ''
  return {
    profile,
    title: `Redis ${redisVersion} under mixed load, without the network: ${costs.announces.toLocaleString('en-US')} announces`,
    ...{ redisVersion, costs, perf, withoutAof: undefined, memory: await readMemory(redis, '', makeChance()) },
    notes: typeof perf === 'string' ? [`no flamegraph of Redis: ${perf}`] : [],
  }
}

async function counted(sizes: Sizes, { redis }: TestRedis) {
  const countNoMore = countCommands('')
  try {
    return await countRun(redis, mixedLoad(sizes, redis))
  } finally {
    countNoMore()
  }
}

/** The mixed load of the comparison, once: its fill is over when the first announce of the load comes. */
const mixedLoad =
  (sizes: Sizes, redis: Redis): MeasuredLoad =>
  async ({ begin, end }) => {
    const clock = { nowS: 1_800_000_000 }
    const own = ownRepository(redis, clock)
    let begun: Promise<void> | undefined
    let announces = 0
    const announce: Repository['announce'] = async (some) => {
      begun ??= begin()
      await begun
      announces += some.length
      return own.announce(some)
    }
    const mixed = makeGroups(sizes).find(({ operations }) => operations.includes('mixed load'))
    await mixed?.run({ redis, clock, repository: { announce }, filler: ownRepository(redis, clock) })
    await end()
    return announces
  }
