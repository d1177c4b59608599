// What a tracker under load makes of processes that die, stores that hang and networks that fail: `npm run test:chaos -- --help`.
import { parseArgs } from 'node:util'
import { exitOnSignals } from '../support/at-exit.ts'
import type { Fault } from './fault.ts'
import { faults } from './faults/all.ts'
import { numberOf } from './options.ts'
import { enterOwnNetwork } from './own-network.ts'
import { lineOf, markdownOfRows, textOfRows } from './report.ts'
import { measure, type Row } from './row.ts'

const HELP = `npm run test:chaos -- [options]

Clients over UDP and HTTP, IPv4 and IPv6, announce to a tracker all the time and hold each answer against what must be there, while
something is done to it: processes are killed, Redis hangs, networks fail. Counts what it costs: requests without an answer, peers
lost, wrong answers, time to recover. Exit code 1 where a fault cost more than docs/reliability.md promises. What this machine lacks
for a fault (root, nftables, libfaketime) is told, and the fault left out.

  --only TEXT      the faults whose names contain it
  --short          those that are tried with each change, where the soak does not bring them
  --at-once N      so many at a time, each on a Redis of its own (1): what is measured is disturbed by the others
  --seed N         what the clients do, and when, follows from it (1)
  --list           names them, and tries none
  --markdown       prints the table as Markdown
  --json           prints one JSON object

  npm run test:chaos -- --only SIGSTOP
  npm run test:chaos -- --short --at-once 2 --seed 7
`

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    short: { type: 'boolean', default: false },
    'at-once': { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    list: { type: 'boolean', default: false },
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
const atOnce = numberOf('at-once', values['at-once'], { min: 1 })
enterOwnNetwork()
exitOnSignals()
const chosen = faults.filter(({ name, isShort }) => name.includes(values.only) && (isShort || !values.short))
if (values.list) {
  for (const { name } of chosen) console.log(name)
  process.exit(0)
}
if (chosen.length === 0) {
  console.error(`no fault has "${values.only}" in its name: --list names them all`)
  process.exit(2)
}
const tell = (line: string) => console[values.json || values.markdown ? 'error' : 'log'](line)
const rows: Row[] = []
let failed = 0
const waiting: Fault[] = [...chosen]
tell(`${chosen.length} faults, seed ${seed}`)
await Promise.all(Array.from({ length: atOnce }, tryEach))
const inOrder = rows.sort((a, b) => indexOf(a) - indexOf(b))
if (values.json) console.log(JSON.stringify({ seed, rows: inOrder }))
else console.log(`\n${values.markdown ? markdownOfRows(inOrder) : textOfRows(inOrder)}`)
process.exit(failed === 0 && rows.every(({ problems }) => problems.length === 0) ? 0 : 1)

async function tryEach(): Promise<void> {
  for (let fault = waiting.shift(); fault; fault = waiting.shift()) {
    const missing = await fault.missing?.()
    if (missing) {
      tell(`  not tried    ${fault.name}: ${missing}`)
      continue
    }
    try {
      const row = await measure(fault, seed)
      rows.push(row)
      tell(lineOf(row))
    } catch (error) {
      failed += 1
      tell(`  FAILED       ${fault.name}: ${(error as Error).stack}`)
    }
  }
}

function indexOf({ fault }: Row): number {
  return chosen.findIndex(({ name }) => name === fault)
}
