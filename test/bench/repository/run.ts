import { startRedis } from '../../support/redis.ts'
import type { Figure, Metric } from './measure.ts'
import type { Group } from './operations.ts'
import type { Implementation } from './repository.ts'
import { type Summary, summarize } from './statistics.ts'

/** What all rounds found of one operation of one implementation. */
export type Result = { operation: string; implementation: string } & Partial<Record<Metric, Summary>>

/** Whether an implementation is measured in a group at all. */
function takesPart(group: Group, implementation: Implementation): boolean {
  if (group.isMemory) return implementation.layoutOf === undefined
  // A filler means that only announces are its own.
  return group.needs === undefined || implementation.makeFiller === undefined
}

async function runOnce(group: Group, implementation: Implementation): Promise<Figure[]> {
  const server = await startRedis(...implementation.redisArgs)
  try {
    const { redis } = server
    const clock = { nowS: 1_800_000_000 }
    const repository = implementation.make(redis, clock)
    const filler = implementation.makeFiller?.(redis, clock) ?? repository
    return await group.run({ redis, clock, repository, filler })
  } finally {
    await server.stop()
  }
}

/** Values of all rounds, by operation and implementation, by metric. */
type Found = Map<string, Map<Metric, number[]>>

function add(found: Found, implementation: string, { operation, values }: Figure): void {
  const id = JSON.stringify([operation, implementation])
  const metrics = found.get(id) ?? new Map<Metric, number[]>()
  found.set(id, metrics)
  for (const [metric, value] of Object.entries(values) as [Metric, number][]) {
    metrics.set(metric, [...(metrics.get(metric) ?? []), value])
  }
}

/** Runs the groups, implementation by implementation in turn, round by round, each on a Redis of its own. */
export async function runAll({
  groups,
  implementations,
  rounds,
  msMax = Number.POSITIVE_INFINITY,
  onStep = () => {},
}: {
  groups: readonly Group[]
  implementations: readonly Implementation[]
  rounds: number
  /** No round is begun that would end later, if it takes as long as the longest. */
  msMax?: number
  onStep?: (done: number, total: number, doing: string) => void
}): Promise<Result[]> {
  const plan = Array.from({ length: rounds }, (_, round) =>
    groups
      .filter(({ roundsMax }) => round < (roundsMax ?? rounds))
      .flatMap((group) => implementations.filter((each) => takesPart(group, each)).map((each) => ({ group, each }))),
  )
  const total = plan.flat().length
  const found: Found = new Map()
  let [done, longestMs] = [0, 0]
  const startMs = performance.now()
  for (const steps of plan) {
    const roundMs = performance.now()
    if (done > 0 && roundMs - startMs + longestMs > msMax) break
    for (const { group, each } of steps) {
      onStep(done++, total, `${each.name}: ${group.operations[0]}`)
      for (const figure of await runOnce(group, each)) add(found, each.name, figure)
    }
    longestMs = Math.max(longestMs, performance.now() - roundMs)
  }
  onStep(done, total, '')
  return [...found].map(([id, metrics]) => {
    const [operation, implementation] = JSON.parse(id) as [string, string]
    const summaries = [...metrics].map(([metric, values]) => [metric, summarize(values)])
    return { operation, implementation, ...Object.fromEntries(summaries) } as Result
  })
}
