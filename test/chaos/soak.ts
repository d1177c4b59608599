// A day of a tracker in short: `npm run test:soak -- --help`.
import { parseArgs } from 'node:util'
import { fixed, shown, tableOf } from '../../lib/observe/table.ts'
import { markdownTable } from '../bench/table.ts'
import { exitOnSignals, temporaryFolder } from '../support/at-exit.ts'
import { numberOf } from './options.ts'
import { type Round, soak } from './soak-run.ts'

const HELP = `npm run test:soak -- [options]

A tracker under load in which swarms come, grow, shrink and vanish within seconds, as peers live for 10 s, and to which something happens every few
seconds: processes are killed, Redis hangs, dies or is full. Each minute every answer, the store, an audit and memory are looked at. Exit code 1 where
an answer is wrong, a peer is lost, clients are not served within a second of the end of a fault, the audit finds anything, a swarm stays, or
memory grows.

  --minutes N   how long (30)
  --seed N      what happens, and when, follows from it (1)
  --markdown    prints the table as Markdown
  --json        prints one JSON object

  npm run test:soak -- --minutes 2 --seed 7
`
const HEAD = [
  ...['minute', 'faults', 'answered', 'refused', 'lost', 'wrong', 'swarms gone', 'processes never killed, MB'],
  ...['Redis, MB', 'audit'],
]
const PROBLEMS_SHOWN = 20

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string', default: '1' },
    markdown: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(HELP)
  process.exit(0)
}
const seed = numberOf('seed', values.seed, { min: 0 })
const minutes = numberOf('minutes', values.minutes, { min: 1, isWhole: false })
exitOnSignals()
const tell = (line: string) => console[values.json || values.markdown ? 'error' : 'log'](line)
const { path: folder, remove } = await temporaryFolder('soak')
tell(`${minutes} minutes, seed ${seed}`)
const { rounds, problems } = await soak({ folder, seed, minutes }, tellRound)
await remove()
if (values.json) console.log(JSON.stringify({ seed, rounds, problems }))
else {
  const rows = rounds.map(cellsOf)
  console.log(`\n${values.markdown ? markdownTable(HEAD, rows) : tableOf(HEAD, rows, []).join('\n')}`)
  for (const problem of problems.slice(0, PROBLEMS_SHOWN)) tell(problem)
  tell(problems.length === 0 ? '\nNothing was lost, nothing was wrong.' : `\n${problems.length} problems`)
}
process.exit(problems.length === 0 ? 0 : 1)

function tellRound(round: Round, found: readonly string[]): void {
  const { minute, faults, answered, refused, lost, wrong } = round
  const counted = `${shown(answered)} answered, ${shown(refused)} refused, ${lost} lost, ${wrong} wrong`
  const memory = `processes ${shown(round.residentBytes / 1e6)} MB, Redis ${fixed(round.redisBytes / 1e6)} MB`
  tell(`  minute ${fixed(minute, 1)}: ${faults} faults, ${counted}; ${memory}; audit ${round.auditFaults}`)
  for (const problem of found.slice(0, PROBLEMS_SHOWN)) tell(`    ${problem}`)
}

function cellsOf(round: Round): string[] {
  return [
    ...[fixed(round.minute, 1), shown(round.faults), shown(round.answered), shown(round.refused), shown(round.lost)],
    ...[shown(round.wrong), shown(round.swarmsGone), shown(round.residentBytes / 1e6), fixed(round.redisBytes / 1e6)],
    shown(round.auditFaults),
  ]
}
