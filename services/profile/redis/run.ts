import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { COUNTS_KEY, type CountedCommand, isOfTracker, readCounted } from './instrument.ts'
import { beginMeasurement, type Measurement, type RedisCosts } from './measure.ts'
import { type FoldedStacks, type PerfRecording, startPerf } from './perf.ts'
import { type CommandCost, type Redis, readCommandStats } from './stats.ts'

/**
 * A load on the store: calls `begin` when its measured part begins and `end` when that is over, and answers how many
 * announces were answered in between.
 */
export type MeasuredLoad = (measured: { begin: () => Promise<void>; end: () => Promise<void> }) => Promise<number>

/** What a load cost inside Redis, and where its main thread was by perf, or why that cannot be told. */
export type ProfiledRun = { costs: RedisCosts; perf: FoldedStacks | string }

/**
 * Profiles a Redis under a load. `scratch`: a folder for what perf records meanwhile; undefined: without perf. `frequency`:
 * its samples a second.
 */
export async function profileRun({
  redis,
  redisPid,
  scratch,
  frequency,
  load,
}: {
  redis: Redis
  redisPid: number
  scratch: string | undefined
  frequency?: number
  load: MeasuredLoad
}): Promise<ProfiledRun> {
  let measurement: Measurement | undefined
  let recording: PerfRecording | undefined
  let costs: RedisCosts | undefined
  let perf: FoldedStacks | string = 'not asked for'
  const file = scratch === undefined ? undefined : join(scratch, 'perf.data')
  try {
    const announces = await load({
      async begin() {
        measurement = await beginMeasurement(redis)
        if (file !== undefined) recording = await startPerf(redisPid, file, frequency)
      },
      async end() {
        costs = await measurement?.end()
        await recording?.stop()
      },
    })
    if (recording) perf = await recording.read()
    if (costs === undefined) throw new Error('the load measured nothing')
    return { costs: { ...costs, announces }, perf }
  } finally {
    await recording?.stop()
    if (file !== undefined) await rm(file, { force: true })
  }
}

/** What the instrumented scripts counted. `announces` is counted as well: each reads its swarm by one HMGET. */
export type CountedRun = { announces: number; calls: number; counted: CountedCommand[]; redisCounted: CommandCost[] }

/** Runs a load whose store runs instrumented scripts (`countCommands`), and reads what they counted. */
export async function countRun(redis: Redis, load: MeasuredLoad): Promise<CountedRun> {
  await load({
    async begin() {
      // At once, so that what is counted here and what Redis counts are of the same calls.
      await redis.multi().del(COUNTS_KEY).call('CONFIG', 'RESETSTAT').exec()
    },
    end: async () => {},
  })
  const answers = await redis.multi().info('commandstats').hgetall(COUNTS_KEY).exec()
  const counted = readCounted((answers?.[1]?.[1] ?? {}) as Record<string, string>)
  const ofAnnounces = counted.filter(({ script }) => script === 'announce')
  const callsOf = (name: string, ofKind: string) =>
    ofAnnounces.find(({ command, kind }) => command === name && kind === ofKind)?.calls ?? 0
  const announces = callsOf('HMGET', 'swarm')
  if (announces === 0) throw new Error('the instrumented scripts counted no announce')
  return {
    announces,
    calls: callsOf('FCALL', 'none'),
    counted,
    redisCounted: readCommandStats(String(answers?.[0]?.[1])),
  }
}

/** What the scripts counted of each command, and what Redis did. Redis has the other scripts' calls too: a few a second. */
export function compareCounts({ counted, redisCounted }: CountedRun): {
  command: string
  counted: number
  byRedis: number
}[] {
  const sums = new Map<string, number>()
  for (const { command, calls } of counted) sums.set(command, (sums.get(command) ?? 0) + calls)
  return [...sums].map(([command, calls]) => ({
    command,
    counted: calls,
    byRedis: redisCounted.find((each) => each.command === command)?.calls ?? 0,
  }))
}

/** What is wrong where Redis counted fewer than the scripts did, which cannot be: the counts are not to be trusted then. */
export function countsProblem(run: CountedRun): string | undefined {
  const fewer = compareCounts(run).filter(({ counted, byRedis }) => byRedis < counted)
  if (fewer.length === 0) return undefined
  const told = fewer.map(({ command, counted, byRedis }) => `${command} ${byRedis} of ${counted}`).join(', ')
  return `Redis counted fewer calls than the instrumented scripts, so that one of both is wrong: ${told}`
}

/** What one announce calls, without the counting itself: the most called first. */
export const callsPerAnnounce = ({ counted, announces }: CountedRun): (CountedCommand & { perAnnounce: number })[] =>
  counted
    .filter((each) => each.script === 'announce' && isOfTracker(each))
    .map((each) => ({ ...each, perAnnounce: each.calls / announces }))
