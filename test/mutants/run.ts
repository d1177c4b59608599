// Small faults, put one at a time into copies of the product: do the suites notice? `npm run test:mutants -- --help`.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs, styleText } from 'node:util'
import { applyMutant, copyRepository, ROOT } from './copy.ts'
import type { Mutant } from './mutant.ts'
import { runSuite } from './suite.ts'
import { mutants } from './tables/all.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    list: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    'at-once': { type: 'string', default: '2' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  console.log(`npm run test:mutants -- [--only TEXT]… [--list] [--json] [--at-once N]

Puts ${mutants.length} small faults, one at a time, into copies of the repository, and runs the suites until one fails. A fault that
none notices is printed in red, and the exit code is 1. A run of all of them writes the table of docs/conformance.md.

  --only TEXT   those whose fault or file has this text
  --list        names them, and runs nothing
  --json        a line of JSON for each

  npm run test:mutants
  npm run test:mutants -- --only announce.lua --only 'one too many'`)
  process.exit(0)
}

/** Tried after the suites that a mutant names. */
const PROJECTS = ['unit', 'store', 'conformance', 'services']
/** A suite that takes this many times what it took without a fault, and this long, hangs: noticed by time. */
const LATE_TIMES = 5
const LATE_MS_LEAST = 60_000
const SUITE_MS_MAX = 900_000
/** Of a suite on the product as it is. */
const TRIES = 3

type Caught = { by: string; test: string }
type Row = { mutant: Mutant; caught: Caught | undefined; seconds: number }

const chosen = mutants.filter(
  ({ fault, file }) => values.only?.some((text) => fault.includes(text) || file.includes(text)) ?? true,
)
if (values.list) {
  for (const { fault, file } of chosen) console.log(`${file.padEnd(36)}${fault}`)
  process.exit(0)
}
if (chosen.length === 0) throw new Error('no mutant has that text (npm run test:mutants -- --list)')
checkPlaces()

/** Each mutant's place must be there before any is run: a run of all takes long. */
function checkPlaces(): void {
  const { folder, remove } = copyRepository()
  const problems = chosen.flatMap((mutant) => {
    const before = readFileSync(join(folder, mutant.file), 'utf8')
    try {
      applyMutant(folder, mutant)
      return []
    } catch (error) {
      return [(error as Error).message]
    } finally {
      writeFileSync(join(folder, mutant.file), before)
    }
  })
  remove()
  if (problems.length === 0) return
  console.error(styleText('red', `mutants that do not apply:\n  ${problems.join('\n  ')}`))
  process.exit(1)
}

/** How long each suite takes on the product as it is; where it fails, there is nothing to learn from it. */
const baselines = new Map<string, Promise<number>>()
const baselineMs = (suite: string): Promise<number> => {
  const known = baselines.get(suite) ?? measure(suite)
  baselines.set(suite, known)
  return known
}

async function measure(suite: string): Promise<number> {
  const { folder, remove } = copyRepository()
  try {
    for (let tries = 1; ; tries++) {
      const startMs = performance.now()
      const verdict = await runSuite(folder, suite, SUITE_MS_MAX)
      if (verdict.passed) return performance.now() - startMs
      if (tries === TRIES) throw new Error(`${suite} fails without any mutant: ${JSON.stringify(verdict)}`)
    }
  } finally {
    remove()
  }
}

async function tryMutant(mutant: Mutant): Promise<Caught | undefined> {
  const { folder, remove } = copyRepository()
  try {
    applyMutant(folder, mutant)
    for (const suite of [...mutant.suites, ...PROJECTS]) {
      // A run that goes on in silence for a quarter of an hour looks like one that hangs.
      if (suite === PROJECTS[0] && !values.json)
        console.log(styleText('dim', `no suite of its own notices: ${mutant.fault} (${mutant.file}); now all`))
      const caught = await catchIn(folder, suite)
      if (caught) return caught
    }
    return undefined
  } finally {
    remove()
  }
}

/** Runs a suite against a mutant. What fails must fail again, alone: a busy machine fails tests, too. */
async function catchIn(folder: string, suite: string): Promise<Caught | undefined> {
  const msMax = Math.max(LATE_MS_LEAST, LATE_TIMES * (await baselineMs(suite)))
  const verdict = await runSuite(folder, suite, msMax)
  if (verdict.passed) return undefined
  const again = await runSuite(
    folder,
    verdict.file ? verdict.file.slice('test/'.length, -'.test.ts'.length) : suite,
    msMax,
  )
  if (again.passed) return undefined
  return 'late' in again ? { by: suite, test: 'by time' } : { by: again.file ?? suite, test: again.test }
}

function tell({ mutant, caught, seconds }: Row): void {
  if (values.json) {
    console.log(JSON.stringify({ fault: mutant.fault, file: mutant.file, caught: caught ?? null, seconds }))
    return
  }
  const mark = caught ? styleText('green', 'caught') : styleText('red', 'SURVIVES')
  console.log(`${mark} ${mutant.fault} (${mutant.file}, ${seconds.toFixed(0)} s)`)
  if (caught) console.log(`       ${caught.by}: ${caught.test}`)
  const leftS = ((performance.now() - startMs) / 1000 / rows.length) * (chosen.length - rows.length)
  console.log(styleText('dim', `       ${rows.length} of ${chosen.length}, about ${Math.ceil(leftS / 60)} min left`))
}

const startMs = performance.now()
const rows: Row[] = []
const waiting = chosen.values()
const work = async (): Promise<void> => {
  for (const mutant of waiting) {
    const fromMs = performance.now()
    const caught = await tryMutant(mutant)
    const row = { mutant, caught, seconds: (performance.now() - fromMs) / 1000 }
    rows.push(row)
    tell(row)
  }
}
await Promise.all(Array.from({ length: Number(values['at-once']) }, work))

const survivors = rows.filter(({ caught }) => !caught)
if (!values.json) {
  console.log(`${rows.length - survivors.length} of ${rows.length} faults caught`)
  for (const { mutant } of survivors) console.log(styleText('red', `  survives: ${mutant.fault} (${mutant.file})`))
}
if (chosen.length === mutants.length) writeTable()
process.exitCode = survivors.length > 0 ? 1 : 0

/** Writes what caught which fault into the docs, in the order of the tables. */
function writeTable(): void {
  const path = join(ROOT, 'docs/conformance.md')
  const text = readFileSync(path, 'utf8')
  const place = /(?<=<!-- mutants:begin -->\n)[\s\S]*?(?=<!-- mutants:end -->)/
  if (!place.test(text)) throw new Error('docs/conformance.md has no marks for the table')
  const cell = (part: string): string => part.replaceAll('|', '\\|')
  const sorted = mutants.map((mutant) => rows.find((row) => row.mutant === mutant) as Row)
  const lines = sorted.map(({ mutant, caught }) => {
    const by = caught ? `\`${caught.by}\`: ${cell(caught.test)}` : '**survives**'
    return `| ${cell(mutant.fault)} | \`${mutant.file}\` | ${by} |`
  })
  const table = ['| fault | in | caught by |', '|---|---|---|', ...lines].join('\n')
  writeFileSync(
    path,
    text.replace(place, () => `${table}\n`),
  )
}
