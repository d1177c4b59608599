import type { Lifecycle } from '../../lib/lifecycle.ts'
import { cpuSecondsOf } from '../../lib/observe/cpu.ts'
import { fixed, percent, shown, tableOf } from '../../lib/observe/table.ts'
import { callCountsOf } from './call-counts.ts'
import { callgrindOf } from './callgrind.ts'
import { flamegraphPage, flamegraphSvg } from './flamegraph.ts'
import { removeEarlier, writeFiles } from './folder.ts'
import { type LoadOutcome, makeLoadOf, settingsOf } from './loads.ts'
import type { ProfileOptions } from './options.ts'
import { underPaths } from './paths.ts'
import type { OnPhase } from './progress.ts'
import { countWhile, INTERVAL_US, SAMPLER, type Sampled, sampleWhile } from './sampling.ts'
import { type Stack, samplesOf, stacksOf } from './stacks.ts'
import { IDLE, type StageTable, stageProblem, tableOfStages } from './stages.ts'
import { type ProfiledRole, startProfiledTracker } from './tracker.ts'
import { treeOf } from './tree.ts'

/** Seconds over which calls are counted. */
const COUNTED_S = 3

/** What a profile found, for its summary. */
export type Summary = {
  command: string
  node: string
  seconds: number
  /** What CPU time is of: the load's seconds, from the question to sample to the one to stop. */
  measuredS: number
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

/** Profiles a role; whatever was started is stopped at the end, or by the lifecycle. */
export async function profileRole(
  { role, seconds, torrents, peers, folder }: ProfileOptions & { role: ProfiledRole },
  onPhase: OnPhase,
  lifecycle: Lifecycle,
): Promise<Summary> {
  onPhase(`starting ${role} on a private Redis`)
  const tracker = await startProfiledTracker({ role, preload: SAMPLER, env: settingsOf(role) })
  lifecycle.onStop('tracker', tracker.stop)
  const load = await makeLoadOf(role, tracker, { torrents, peers }, lifecycle)
  onPhase('filling the store')
  const loading = await load.start(seconds)
  onPhase('sampling', seconds)
  const redisBeforeS = cpuSecondsOf(tracker.redisPid)
  const sampled = await sampleWhile(tracker, async () => {
    await loading.done
    return minus(cpuSecondsOf(tracker.redisPid), redisBeforeS)
  })
  const outcome = await loading.outcome()
  const counting = await load.start(COUNTED_S)
  onPhase('counting calls', COUNTED_S)
  const { coverage } = await countWhile(tracker, () => counting.done)
  const counted = await counting.outcome()
  onPhase('writing')
  const stacks = stacksOf(sampled.profile)
  const rooted = underPaths(stacks, role, outcome.requests)
  const command = `redswarm profile ${role} --seconds ${seconds} --torrents ${torrents} --peers ${peers}`
  const summary = summaryOf({ command, seconds, sampled, outcome, stacks, rooted })
  const tree = treeOf(rooted, 'all samples that are not idle')
  const title = `${command}: ${tree.total} samples`
  await removeEarlier(folder)
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
  sampled: { cpuUs, value: redisS },
  outcome: { responses, errors, of },
  stacks,
  rooted,
}: {
  command: string
  seconds: number
  sampled: Sampled & { value: number | undefined }
  outcome: LoadOutcome
  stacks: readonly Stack[]
  rooted: readonly Stack[]
}): Summary {
  const stages = tableOfStages(stacks)
  const per = (us: number) => us / Math.max(responses, 1)
  const paths = Object.entries(Object.groupBy(rooted, ({ frames }) => frames[0]?.name ?? ''))
    .map(([path, own = []]) => ({ path, samples: samplesOf(own) }))
    .sort((a, b) => b.samples - a.samples)
  return {
    ...{ command, node: process.version, seconds, measuredS: cpuUs.wall / 1e6, intervalUs: INTERVAL_US },
    ...{ of, responses, errors },
    cpuUsPerResponse: {
      mainThread: per(cpuUs.mainThread),
      process: per(cpuUs.process),
      redis: redisS === undefined ? undefined : per(redisS * 1e6),
    },
    mainThread: { cpuShare: cpuUs.mainThread / cpuUs.wall, busyShare: stages.busy / Math.max(stages.samples, 1) },
    paths,
    stages,
    problem: responses === 0 ? NO_ANSWER : stageProblem(stages),
  }
}

const NO_ANSWER = 'nothing was answered: the profile is one of an idle process'

const minus = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? undefined : a - b

/** The tables of stages and of request paths, for people. */
export function stageText({ stages, paths, mainThread, cpuUsPerResponse, responses, errors, of }: Summary): string {
  const { samples, busy, rows, own, unnamed } = stages
  const one = of === 'responses' ? 'response' : 'peer removed'
  const us = cpuUsPerResponse.process
  const busyShare = (count: number) => count / Math.max(busy, 1)
  const row = (name: string, count: number, share = busyShare(count)) => [
    ...[name.padEnd(NAME_WIDTH), shown(count), percent(share), fixed(share * us)],
  ]
  const head = (name: string) => [name, 'samples', 'share', `µs per ${one}`]
  const idle = (rows.find(({ stage }) => stage === IDLE)?.samples ?? 0) / Math.max(samples, 1)
  const redis = cpuUsPerResponse.redis === undefined ? '' : `, Redis ${cpuUsPerResponse.redis.toFixed(2)} µs`
  return [
    ...tableOf(head('stage'), [
      ...rows.filter(({ stage }) => stage !== IDLE).map((each) => row(each.stage, each.samples, each.share)),
      row('in named stages', busy - unnamed.samples, 1 - unnamed.share),
      row("of them on the tracker's path", own.samples, own.share),
    ]),
    '',
    ...tableOf(
      head('request path'),
      paths.filter(({ path }) => path !== IDLE).map((each) => row(each.path, each.samples)),
    ),
    '',
    `  ${shown(responses)} ${of}${errors > 0 ? `, ${shown(errors)} errors or lost` : ''}; CPU per ${one}: ${us.toFixed(2)} µs${redis}`,
    `  idle: ${percent(idle)} of ${shown(samples)} samples; the main thread used ${percent(mainThread.cpuShare)} of a CPU`,
  ].join('\n')
}

/** As wide as the longest stage, so that both tables line up. */
const NAME_WIDTH = 30
