// What the ways to keep swarms in Redis cost: `npm run bench:repository -- --help`.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { SingleBar } from 'cli-progress'
import { IMPLEMENTATIONS } from './repository/implementations.ts'
import { makeGroups, SIZES } from './repository/operations.ts'
import { profileRepository } from './repository/profile.ts'
import { chartsOf, PAGE_METRICS, tablesOf } from './repository/report.ts'
import { type Result, runAll } from './repository/run.ts'

const HELP = `npm run bench:repository -- [options]
Torrust's four repository operations and those it never measured, on the tracker's own scripts and on other ways to keep
swarms in Redis: CPU of Redis's main thread, wall clock, memory. Implementations take turns, each on a fresh Redis.
Means with the 95 % confidence interval of Student's t over rounds.

  --rounds N              rounds (5, or what 9 minutes have time for; with --quick 3, or 58 seconds)
  --only TEXT             operations that have this in their name, and those that share their Redis
  --implementations A,B   of: ${IMPLEMENTATIONS.map(({ name }) => name).join(', ')}
  --quick                 smaller: about a minute
  --json                  prints all figures as one JSON object: mean, median, half of the interval
  --write                 writes tables and pictures into docs/benchmarks.md and docs/pictures
  --profile               no comparison: where the time goes in the store's Node side and in Redis, under mixed load,
                          without the network, and what its scripts call
  --out FOLDER            where --profile writes (profile-repository)

  npm run bench:repository -- --quick
  npm run bench:repository -- --only "mixed load" --implementations redswarm,AOF --rounds 10
  npm run bench:repository -- --profile --out /tmp/profile`

const DOCS = join(import.meta.dirname, '../../docs')
const PAGE = join(DOCS, 'benchmarks.md')

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    only: { type: 'string', default: '' },
    implementations: { type: 'string' },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    out: { type: 'string', default: 'profile-repository' },
    help: { type: 'boolean', default: false },
  },
})

function fail(text: string): never {
  console.error(`${text}\n  npm run bench:repository -- --help`)
  process.exit(2)
}

function chosenImplementations() {
  const names = values.implementations?.split(',') ?? IMPLEMENTATIONS.map(({ name }) => name)
  return names.map((name) => IMPLEMENTATIONS.find((each) => each.name === name) ?? fail(`no implementation: ${name}`))
}

/** Runs with a bar where somebody looks. */
async function compare(): Promise<Result[]> {
  const rounds = Number(values.rounds ?? (values.quick ? 3 : 5))
  if (!Number.isInteger(rounds) || rounds < 1) fail('--rounds must be a whole number from 1 on')
  const msMax = values.quick ? 58_000 : 540_000
  const groups = makeGroups(values.quick ? SIZES.quick : SIZES.whole).filter(({ operations }) =>
    operations.some((operation) => operation.includes(values.only)),
  )
  if (groups.length === 0) fail(`no operation has "${values.only}" in its name`)
  const bar = process.stderr.isTTY
    ? new SingleBar({ format: '{bar} {percentage} % {duration_formatted}  {doing}', stream: process.stderr })
    : undefined
  let isStarted = false
  const onStep = (done: number, total: number, doing: string) => {
    if (!isStarted) bar?.start(total, 0, { doing })
    isStarted = true
    bar?.update(done, { doing })
  }
  const results = await runAll({
    groups,
    implementations: chosenImplementations(),
    rounds,
    onStep,
    ...(!values.rounds && { msMax }),
  })
  bar?.stop()
  const made = Math.max(...results.map(({ redisUs }) => redisUs?.rounds ?? 0))
  if (made > 0 && made < rounds)
    console.error(`time for ${made} of ${rounds} rounds only: --rounds ${rounds} takes as long as it takes`)
  return results
}

async function writeDocs(results: readonly Result[]): Promise<void> {
  await mkdir(join(DOCS, 'pictures'), { recursive: true })
  const charts = await chartsOf(results)
  for (const { name, svg } of charts) await writeFile(join(DOCS, `pictures/repository-${name}.svg`), svg)
  const pictures = charts.map(({ name, title }) => `![${title}](pictures/repository-${name}.svg)`).join('\n\n')
  const machine = `Machine: ${cpus().length} cores, ${cpus()[0]?.model}; Node ${process.version}; ${new Date().toISOString().slice(0, 10)}.`
  const command = ['npm run bench:repository --', ...process.argv.slice(2)].join(' ')
  const rounds = Math.max(...results.map(({ redisUs }) => redisUs?.rounds ?? 1))
  const page = await readFile(PAGE, 'utf8')
  const marked = /(<!-- repository:begin -->)[\s\S]*(<!-- repository:end -->)/
  if (!marked.test(page)) throw new Error(`no place for tables in ${PAGE}`)
  const text = `\`${command}\`, ${rounds} rounds. ${machine}\n\n${tablesOf(results, PAGE_METRICS)}\n\n${pictures}`
  await writeFile(
    PAGE,
    page.replace(marked, (_, begin, end) => `${begin}\n${text}\n${end}`),
  )
}

if (values.help) console.log(HELP)
else if (values.profile) console.log(await profileRepository(values.out, values.quick ? SIZES.quick : SIZES.whole))
else {
  const results = await compare()
  console.log(values.json ? JSON.stringify({ results }) : tablesOf(results))
  if (values.write) await writeDocs(results)
}
