import { join } from 'node:path'
import { removeEarlier, writeFiles } from '../folder.ts'
import type { RedisCosts } from './measure.ts'
import type { MemoryReport } from './memory.ts'
import { type FoldedStacks, foldedText } from './perf.ts'
import { perfFlamegraphs } from './perf-flamegraph.ts'
import { perfStages } from './perf-stages.ts'
import type { CountedRun } from './run.ts'
import { reportText, slowLogText } from './text.ts'

/** All that a profile of Redis tells. */
export type RedisReport = {
  title: string
  redisVersion: string
  costs: RedisCosts
  withoutAof: RedisCosts | undefined
  memory: MemoryReport
  counts: CountedRun | undefined
  perf: FoldedStacks | string
  notes: string[]
}

/** Writes a profile into a folder (`openFolder`); answers its text and the files. */
export async function writeReport(folder: string, report: RedisReport): Promise<{ text: string; files: string[] }> {
  await removeEarlier(folder)
  const { perf, ...rest } = report
  const text = reportText(report)
  const files: Record<string, string> = {
    'redis.txt': text,
    'redis.json': `${JSON.stringify({ ...rest, perf: perfSummary(perf) }, undefined, 2)}\n`,
    'slowlog.txt': slowLogText(report.costs),
  }
  if (typeof perf !== 'string') {
    files['perf.folded'] = foldedText(perf)
    for (const graph of perfFlamegraphs(perf, 'Redis, main thread')) files[graph.name] = graph.text
  }
  const { seconds, announces, mainThreadUs } = report.costs
  const summary = { command: 'redswarm profile redis', redis: report.redisVersion, seconds, announces, mainThreadUs }
  await writeFiles(folder, summary, files)
  return { text, files: Object.keys(files).map((name) => join(folder, name)) }
}

const perfSummary = (perf: FoldedStacks | string) =>
  typeof perf === 'string'
    ? { missing: perf }
    : { samples: [...perf.values()].reduce((sum, each) => sum + each, 0), stages: perfStages(perf) }
