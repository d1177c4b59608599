import { fixed, percent, shown, tableOf } from '../../../lib/observe/table.ts'
import { textOf } from '../text.ts'
import { FIGURES } from './figures.ts'
import type { Frontends, Plan, PlanInput } from './plan.ts'

/** A plan for people: what is to be served, what that takes, and what it is made of. */
export function planText(input: PlanInput, plan: Plan): string {
  const { redis, udp, http, warnings } = plan
  return textOf([
    `  ${shown(input.peers)} peers of ${shown(input.torrents)} torrents, an announce every ${shown(input.intervalS)} s`,
    `  ${percent(input.shareHttp)} over HTTP, ${percent(input.ipv6)} IPv6, details of peers ${input.details ? 'kept' : 'not kept'}: ${shown(plan.announcesPerS)} announces a second`,
    '',
    ...tableOf(['Redis', ''], redisRows(redis), [0, 1]),
    '',
    ...tableOf(
      ['frontends', 'announces/s', 'cores', 'processes', 'memory', 'network in', 'out'],
      [frontendRow('UDP', udp), ...(http.processes > 0 ? [frontendRow('HTTP', http)] : [])],
    ),
    '',
    ...warnings.map((warning) => `  warning: ${warning}`),
    ...(warnings.length > 0 ? [''] : []),
    ...tableOf(['made of', 'figure', 'from'], figureRows(), [0, 1, 2]),
  ])
}

function redisRows(redis: Plan['redis']): string[][] {
  const { masters, replicas } = redis
  const sweeps = redis.cores > 0 ? redis.sweepCores / redis.cores : 0
  return [
    ['masters, replicas', `${masters}${masters > 1 ? ' (a Cluster)' : ''}, ${replicas}`],
    [
      'CPU of all masters',
      `${fixed(redis.cores)} cores, ${percent(sweeps)} of them for sweeps, were every peer to fall silent in each lifetime`,
    ],
    ['CPU of each', `${percent(redis.coreShare)} of a core`],
    ['data of each', bytesText(redis.dataBytes)],
    ['memory for each', `${bytesText(redis.memoryBytes)}, with room for a fork`],
    ['append-only file of each', `${rateText(redis.fileBytesPerS)}, ${bytesText(redis.diskBytes)} of disk`],
    [
      'network of each',
      `${rateText(redis.networkInBytesPerS)} in, ${rateText(redis.networkOutBytesPerS)} out, replication included`,
    ],
  ]
}

const frontendRow = (name: string, frontends: Frontends): string[] => [
  name,
  shown(frontends.announcesPerS),
  fixed(frontends.cores),
  shown(frontends.processes),
  bytesText(frontends.memoryBytes),
  rateText(frontends.networkInBytesPerS),
  rateText(frontends.networkOutBytesPerS),
]

const figureRows = (): string[][] =>
  Object.values(FIGURES).map(({ value, unit, what, source }) => [
    what,
    value >= 1e6 ? bytesText(value) : `${value} ${unit}`,
    source,
  ])

const bytesText = (bytes: number): string => {
  const [unit, size] =
    (
      [
        ['GB', 1e9],
        ['MB', 1e6],
        ['kB', 1e3],
      ] as const
    ).find(([, each]) => bytes >= each) ?? (['B', 1] as const)
  return `${fixed(bytes / size, bytes / size < 10 && size > 1 ? 1 : 0)} ${unit}`
}

const rateText = (bytesPerS: number): string => `${bytesText(bytesPerS)}/s`
