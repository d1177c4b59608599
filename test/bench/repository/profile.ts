import { readFile } from 'node:fs/promises'
import { type Profiler, Session } from 'node:inspector/promises'
import { dirname, join } from 'node:path'
import type { Redis } from 'ioredis'
import { percent, shown, tableOf } from '../../../lib/observe/table.ts'
import { makeRandom } from '../../../lib/random.ts'
import { fieldsOf } from '../../../lib/store/check-server.ts'
import { flamegraphPage, flamegraphSvg } from '../../../services/profile/flamegraph.ts'
import { openFolder, writeFiles } from '../../../services/profile/folder.ts'
import { countCommands } from '../../../services/profile/redis/instrument.ts'
import { readMemory } from '../../../services/profile/redis/memory.ts'
import { writeReport } from '../../../services/profile/redis/report.ts'
import { countRun, type MeasuredLoad, profileRun } from '../../../services/profile/redis/run.ts'
import { INTERVAL_US } from '../../../services/profile/sampling.ts'
import { NATIVE, type Stack, stacksOf } from '../../../services/profile/stacks.ts'
import { IDLE, type StageTable, tableOfStages } from '../../../services/profile/stages.ts'
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
  const { profile, ...sampled } = await withRedis((server) => profileSampled(sizes, server))
  const counts = await withRedis((server) => counted(sizes, server))
  const { text, files } = await writeReport(folder, { ...sampled, counts })
  const stacks = stacksOf(profile)
  const node = tableOfStages(stacks)
  const tree = treeOf(busyOf(stacks), 'all samples that are not idle')
  const title = `${TITLE}: the store's Node side, ${tree.total} samples`
  const own = {
    'repository.cpuprofile': JSON.stringify(profile),
    'repository-flamegraph.html': flamegraphPage(tree, title),
    'repository-flamegraph.svg': flamegraphSvg(tree, title),
  }
  const ofRedis = JSON.parse(await readFile(join(folder, 'summary.json'), 'utf8')) as object
  await writeFiles(folder, { ...ofRedis, command: TITLE, node }, own)
  const all = [...files, ...Object.keys(own).map((name) => join(folder, name))]
  return [text, ...nodeLines(node), '', ...all.map((file) => `  ${file}`)].join('\n')
}

/** The stacks in which something ran. */
export const busyOf = (stacks: readonly Stack[]): Stack[] =>
  stacks.filter(({ frames }) => frames.at(-1)?.name !== NATIVE.idle)

const nodeLines = ({ rows, busy, samples }: StageTable): string[] => [
  ...tableOf(
    ["where the Node side's time goes", 'samples', 'share'],
    rows
      .filter(({ stage }) => stage !== IDLE)
      .map(({ stage, samples, share }) => [stage, shown(samples), percent(share)]),
  ),
  `  ${shown(busy)} of ${shown(samples)} samples are not idle.`,
]

async function withRedis<T>(use: (server: TestRedis) => Promise<T>): Promise<T> {
  const server = await startRedis()
  try {
    return await use(server)
  } finally {
    await server.stop()
  }
}

async function profileSampled(sizes: Sizes, { redis, process, socket }: TestRedis) {
  const session = new Session()
  session.connect()
  try {
    await session.post('Profiler.enable')
    await session.post('Profiler.setSamplingInterval', { interval: INTERVAL_US })
    const load = mixedLoad(sizes, redis)
    let profile: Profiler.Profile | undefined
    const sampling: MeasuredLoad = async (measured) =>
      load({
        async begin() {
          await measured.begin()
          await session.post('Profiler.start')
        },
        async end() {
          // First of all: what else ends here, and the reading of what perf saw, is in this process too.
          profile = (await session.post('Profiler.stop')).profile
          await measured.end()
        },
      })
    const [redisPid, scratch] = [process.pid as number, dirname(socket)]
    const { costs, perf } = await profileRun({ redis, redisPid, scratch, load: sampling })
    if (!profile) throw new Error('the load measured nothing')
    const redisVersion = fieldsOf(await redis.info('server')).get('redis_version') ?? ''
    return {
      profile,
      title: `Redis ${redisVersion} under mixed load, without the network: ${shown(costs.announces)} announces`,
      ...{ redisVersion, costs, perf, withoutAof: undefined, memory: await readMemory(redis, '', makeRandom()) },
      notes: typeof perf === 'string' ? [`no flamegraph of Redis: ${perf}`] : [],
    }
  } finally {
    session.disconnect()
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

/** The comparison's takes a second, of which there would be few samples. */
const ANNOUNCES_PER_PEER = 5

/** The mixed load of the comparison, made longer: its fill is over when the first announce of the load comes. */
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
    const longer = { ...sizes, loadAnnounces: ANNOUNCES_PER_PEER * sizes.loadPeers }
    const mixed = makeGroups(longer).find(({ operations }) => operations.includes('mixed load'))
    await mixed?.run({ redis, clock, repository: { announce }, filler: ownRepository(redis, clock) })
    await end()
    return announces
  }
