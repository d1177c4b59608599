// What the ways to keep swarms in Redis cost: `npm run bench:repository -- --help`.
import { SingleBar } from 'cli-progress'
import { exitOnSignals } from '../support/at-exit.ts'
import { writePage } from './page.ts'
import { describeMachine } from './peers/machine.ts'
import { HELP, type RepositoryOptions, readRepositoryOptions } from './repository/options.ts'
import { profileRepository } from './repository/profile.ts'
import { chartsOf, PAGE_METRICS, tablesOf } from './repository/report.ts'
import { type Result, runAll } from './repository/run.ts'

/** Runs with a bar where somebody looks. */
async function compare({ groups, implementations, rounds, msMax }: RepositoryOptions): Promise<Result[]> {
  const bar = process.stderr.isTTY
    ? new SingleBar({ format: '{bar} {percentage} % {duration_formatted}  {doing}', stream: process.stderr })
    : undefined
  let isStarted = false
  const onStep = (done: number, total: number, doing: string) => {
    if (!isStarted) bar?.start(total, 0, { doing })
    isStarted = true
    bar?.update(done, { doing })
  }
  const results = await runAll({ groups, implementations, rounds, onStep, ...(msMax && { msMax }) })
  bar?.stop()
  const made = Math.max(...results.map(({ redisUs }) => redisUs?.rounds ?? 0))
  if (made > 0 && made < rounds)
    console.error(`time for ${made} of ${rounds} rounds only: --rounds ${rounds} takes as long as it takes`)
  return results
}

async function writeDocs(results: readonly Result[]): Promise<void> {
  const charts = (await chartsOf(results)).map((chart) => ({ ...chart, file: `repository-${chart.name}.svg` }))
  const pictures = charts.map(({ file, title }) => `![${title}](pictures/${file})`).join('\n\n')
  const { cpu, cores, node, redis } = await describeMachine()
  const machine = `Machine: ${cores} cores, ${cpu}; Node ${node}, Redis ${redis}; ${new Date().toISOString().slice(0, 10)}.`
  const command = ['npm run bench:repository --', ...process.argv.slice(2)].join(' ')
  const rounds = Math.max(...results.map(({ redisUs }) => redisUs?.rounds ?? 1))
  const text = `\`${command}\`, ${rounds} rounds. ${machine}\n\n${tablesOf(results, PAGE_METRICS)}\n\n${pictures}`
  await writePage('repository', text, charts)
}

exitOnSignals()
try {
  const options = readRepositoryOptions(process.argv.slice(2))
  if (!options) console.log(HELP)
  else if (options.profile) console.log(await profileRepository(options.out, options.sizes))
  else {
    const results = await compare(options)
    console.log(options.json ? JSON.stringify({ results }) : tablesOf(results))
    if (options.write) await writeDocs(results)
  }
} catch (error) {
  console.error(`bench:repository: ${(error as Error).message}\n  npm run bench:repository -- --help`)
  process.exitCode = 2
}
