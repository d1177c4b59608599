import { readFileSync } from 'node:fs'
import type { Lifecycle } from '../../lib/lifecycle.ts'
import { callCountsOf } from './call-counts.ts'
import { callgrindOf } from './callgrind.ts'
import { flamegraphPage, flamegraphSvg } from './flamegraph.ts'
import { writeFiles } from './folder.ts'
import { type LoadOutcome, makeLoadOf, settingsOf } from './loads.ts'
import { underPaths } from './paths.ts'
import { countWhile, INTERVAL_US, SAMPLER, type Sampled, sampleWhile } from './sampling.ts'
import { type Stack, samplesOf, stacksOf } from './stacks.ts'
import { type StageTable, stageProblem, tableOfStages } from './stages.ts'
import { type ProfiledRole, startProfiledTracker } from './tracker.ts'
import { treeOf } from './tree.ts'

/** Seconds over which calls are counted. */
const COUNTED_S = 3
/** Clock ticks of the kernel's CPU times: USER_HZ, which is 100 on every Linux. */
const TICKS_PER_S = 100

/** What was asked for; `folder` is there already. */
export type ProfileOptions = { role: ProfiledRole; seconds: number; torrents: number; peers: number; folder: string }

/** What a profile found, for its summary. */
export type Summary = {
  command: string
  node: string
  seconds: number
  intervalUs: number
  /** What `responses` are: answers, or peers removed. */
  of: string
  responses: number
  errors: number
  /** CPU time per response, in us: of the thread that runs JavaScript, of the whole process, of Redis. */
  cpuUsPerResponse: { mainThread: number; process: number; redis: number | undefined }
  /** Share of the sampled time that the main thread used CPU time, and that its samples are not idle. */
  mainThread: { cpuShare: number; busyShare: number }
  paths: { path: string; samples: number }[]
  stages: StageTable
  problem: string | undefined
}

/** Tells which part of a profile is at work, and how long it takes. */
export type OnPhase = (phase: string, seconds?: number) => void

/** Profiles a role; whatever was started is stopped at the end, or by the lifecycle. */
export async function profileRole(options: ProfileOptions, onPhase: OnPhase, lifecycle: Lifecycle): Promise<Summary> {
  const { role, seconds, torrents, peers, folder } = options
  onPhase(`starting ${role} on a private Redis`)
  const tracker = await startProfiledTracker({ role, preload: SAMPLER, env: settingsOf(role) })
  lifecycle.onStop('tracker', tracker.stop)
  const load = await makeLoadOf(role, tracker, { torrents, peers }, lifecycle)
  onPhase('filling the store')
  const loading = await load.start(seconds)
  onPhase('sampling', seconds)
  const redisBeforeS = cpuSecondsOf(tracker.redisPid)
  const sampled = await sampleWhile(tracker, () => loading.done)
  const redisS = minus(cpuSecondsOf(tracker.redisPid), redisBeforeS)
  const outcome = await loading.outcome()
  const counting = await load.start(COUNTED_S)
  onPhase('counting calls', COUNTED_S)
  const { coverage } = await countWhile(tracker, () => counting.done)
  const counted = await counting.outcome()
  onPhase('writing')
  const stacks = stacksOf(sampled.profile)
  const rooted = underPaths(stacks, role, outcome.requests)
  const command = `redswarm profile ${role} --seconds ${seconds} --torrents ${torrents} --peers ${peers}`
  const summary = summaryOf({ command, seconds, sampled, outcome, redisS, stacks, rooted })
  const tree = treeOf(rooted, 'all samples that are not idle')
  const title = `${command}: ${tree.total} samples`
  await writeFiles(folder, summary, {
    'profile.cpuprofile': JSON.stringify(sampled.profile),
    'flamegraph.html': flamegraphPage(tree, title),
    'flamegraph.svg': flamegraphSvg(tree, title),
    'callgrind.out': callgrindOf(rooted, {
      command,
      callsOf: callCountsOf(coverage),
      counted: `${COUNTED_S} s of the same load (${counted.responses} ${counted.of})`,
    }),
    'stages.json': `${JSON.stringify(summary.stages, undefined, 2)}\n`,
    'stages.txt': `${stageText(summary)}\n`,
  })
  return summary
}

function summaryOf({
  command,
  seconds,
  sampled: { cpuUs, profile },
  outcome: { responses, errors, of },
  redisS,
  stacks,
  rooted,
}: {
  command: string
  seconds: number
  sampled: Sampled
  outcome: LoadOutcome
  redisS: number | undefined
  stacks: readonly Stack[]
  rooted: readonly Stack[]
}): Summary {
  const stages = tableOfStages(stacks)
  const per = (us: number) => us / Math.max(responses, 1)
  const sampledUs = profile.endTime - profile.startTime
  const paths = Object.entries(Object.groupBy(rooted, ({ frames }) => frames[0]?.name ?? ''))
    .map(([path, own = []]) => ({ path, samples: samplesOf(own) }))
    .sort((a, b) => b.samples - a.samples)
  return {
    ...{ command, node: process.version, seconds, intervalUs: INTERVAL_US, of, responses, errors },
    cpuUsPerResponse: {
      mainThread: per(cpuUs.mainThread),
      process: per(cpuUs.process),
      redis: redisS === undefined ? undefined : per(redisS * 1e6),
    },
    mainThread: { cpuShare: cpuUs.mainThread / sampledUs, busyShare: stages.busy / Math.max(stages.samples, 1) },
    paths,
    stages,
    problem: stageProblem(stages),
  }
}

const minus = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? undefined : a - b

/** CPU time that a process used so far, all its threads; undefined where the system does not tell. */
function cpuSecondsOf(pid: number): number | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S
  } catch {
    return undefined
  }
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`.padStart(8)

/** The tables of stages and of request paths, for people. */
export function stageText({ stages, paths, mainThread, cpuUsPerResponse, responses, errors, of }: Summary): string {
  const { samples, busy, rows, unnamed } = stages
  const one = of === 'responses' ? 'response' : 'peer removed'
  const us = cpuUsPerResponse.process
  const perOne = (share: number) => `${(share * us).toFixed(2)}`.padStart(9)
  const idle = (rows.find(({ stage }) => stage === 'idle')?.samples ?? 0) / Math.max(samples, 1)
  const own = rows.filter(({ stage }) => stage !== 'idle')
  const busyPaths = paths.filter(({ path }) => path !== 'idle')
  const redis = cpuUsPerResponse.redis === undefined ? '' : `, Redis ${cpuUsPerResponse.redis.toFixed(2)}`
  return [
    `  ${'stage'.padEnd(30)} samples    share   us per ${one}`,
    ...own.map(
      (row) => `  ${row.stage.padEnd(30)} ${String(row.samples).padStart(7)} ${percent(row.share)}${perOne(row.share)}`,
    ),
    `  ${'in named stages'.padEnd(30)} ${String(busy - unnamed.samples).padStart(7)} ${percent(1 - unnamed.share)}`,
    '',
    `  ${'request path'.padEnd(30)} samples    share   us per ${one}`,
    ...busyPaths.map(
      (row) =>
        `  ${row.path.padEnd(30)} ${String(row.samples).padStart(7)} ${percent(row.samples / Math.max(busy, 1))}${perOne(row.samples / Math.max(busy, 1))}`,
    ),
    '',
    `  ${responses.toLocaleString('en')} ${of}${errors > 0 ? `, ${errors} errors or lost` : ''}; CPU per ${one}: ${us.toFixed(2)} us${redis}`,
    `  idle: ${percent(idle).trim()} of ${samples} samples; the main thread used ${percent(mainThread.cpuShare).trim()} of a CPU`,
  ].join('\n')
}
