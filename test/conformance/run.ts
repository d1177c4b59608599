// Which trackers do what a tracker should, case by case: `npm run conformance -- --help`.
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { CASES } from './cases/index.ts'
import { allHashes } from './hashes.ts'
import { runAll, SALT } from './runner.ts'
import type { Setup } from './subject.ts'
import { bittorrentTrackerVersion, startBittorrentTracker } from './subjects/bittorrent-tracker.ts'
import { subjectAt } from './subjects/by-address.ts'
import { installOpentracker, opentrackerVersion, startOpentracker } from './subjects/opentracker.ts'
import { startRedswarm } from './subjects/redswarm.ts'
import { type Column, hasDeviation, jsonOf, markdownOf, OURS, textOf } from './table.ts'

const HELP = `npm run conformance -- [options]

Runs every case of test/conformance on trackers, over real sockets. Without an address, on Redswarm, Debian's opentracker
and npm's bittorrent-tracker, each started for it (about three minutes), and writes the tables of docs/conformance.md.

  --udp URL, --http URL      a tracker that runs already: udp://HOST:PORT, http://HOST:PORT/announce; again for IPv6
  --second-udp, --second-http  another frontend of the same swarms
  --whitelist-out FILE       writes the info hashes that will be used, 40 hex digits a line, and ends
  --tracker NAME             only redswarm, opentracker or bittorrent-tracker; again for several
  --only N,N                 only these cases
  --salt TEXT                other info hashes: a tracker that was asked before remembers the peers of that time
  --json                     prints all outcomes as JSON
  --help

Examples:
  npm run conformance
  npm run conformance -- --tracker opentracker --only 22,24,35
  npm run conformance -- --udp udp://127.0.0.1:6969 --http http://127.0.0.1:7070/announce
  npm run conformance -- --whitelist-out /tmp/listed

Ends with code 1 where Redswarm, or the tracker whose address is given, does otherwise than a case says.
`
const DOCS = new URL('../../docs/conformance.md', import.meta.url)
const [BEGIN, END] = ['<!-- conformance:begin -->', '<!-- conformance:end -->']

type Options = ReturnType<typeof readOptions>

function readOptions() {
  const list = { type: 'string', multiple: true, default: [] as string[] } as const
  return parseArgs({
    options: {
      udp: list,
      http: list,
      'second-udp': list,
      'second-http': list,
      'whitelist-out': { type: 'string' },
      tracker: list,
      only: { type: 'string' },
      salt: { type: 'string', default: SALT },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  }).values
}

const KNOWN: Record<string, { version: () => string; start: (salt: string) => Promise<Setup> }> = {
  [OURS]: { version: () => 'two frontends on one Redis', start: startRedswarm },
  opentracker: {
    version: opentrackerVersion,
    start: (salt) => {
      installOpentracker()
      return startOpentracker(allHashes(CASES, salt))
    },
  },
  'bittorrent-tracker': { version: bittorrentTrackerVersion, start: startBittorrentTracker },
}

/** The cases that are asked for. */
function chosen({ only }: Options) {
  if (only === undefined) return CASES
  const numbers = only.split(',')
  const unknown = numbers.find((number) => !CASES.some((entry) => entry.number === number))
  if (unknown !== undefined) throw new Error(`there is no case ${unknown}`)
  return CASES.filter(({ number }) => numbers.includes(number))
}

async function columnOf(name: string, setup: Setup, options: Options): Promise<Column> {
  const isTerminal = process.stderr.isTTY
  const progress = (done: number, of: number): void => {
    if (isTerminal) process.stderr.write(`\r${name}: ${done} of ${of} runs`)
  }
  try {
    const results = await runAll(chosen(options), setup, { salt: options.salt, onDone: progress })
    process.stderr.write(`${isTerminal ? '\r' : ''}${name}: ${results.flatMap(({ runs }) => runs).length} runs done\n`)
    return { name, version: '', results }
  } finally {
    await setup.stop()
  }
}

/** Runs the cases on the tracker whose address is given, or on those that are started for it. */
async function columnsOf(options: Options): Promise<Column[]> {
  const [first, second] = [
    [...options.udp, ...options.http],
    [...options['second-udp'], ...options['second-http']],
  ]
  if (first.length > 0) {
    const setup = { subject: await subjectAt(first, second), stop: async () => {} }
    return [await columnOf(first.join(' '), setup, options)]
  }
  const columns: Column[] = []
  for (const id of options.tracker.length > 0 ? options.tracker : Object.keys(KNOWN)) {
    const known = KNOWN[id]
    if (!known) throw new Error(`there is no tracker ${id}: ${Object.keys(KNOWN).join(', ')}`)
    const setup = await known.start(options.salt)
    columns.push({ ...(await columnOf(id, setup, options)), version: known.version() })
  }
  return columns
}

/** Puts the tables between their marks. */
function writeDocs(columns: readonly Column[]): void {
  const page = readFileSync(DOCS, 'utf8')
  const [before, rest] = page.split(BEGIN)
  const after = rest?.split(END)[1]
  if (before === undefined || after === undefined) throw new Error(`docs/conformance.md has no ${BEGIN} and ${END}`)
  writeFileSync(DOCS, `${before}${BEGIN}\n${markdownOf(columns)}\n${END}${after}`)
  process.stderr.write('docs/conformance.md is written\n')
}

async function main(options: Options): Promise<number> {
  if (options.help) {
    process.stdout.write(HELP)
    return 0
  }
  if (options['whitelist-out'] !== undefined) {
    const hashes = allHashes(CASES, options.salt)
    writeFileSync(options['whitelist-out'], `${hashes.map((hash) => hash.toString('hex')).join('\n')}\n`)
    process.stderr.write(`${hashes.length} info hashes\n`)
    return 0
  }
  const columns = await columnsOf(options)
  const isWhole = columns.length === Object.keys(KNOWN).length && options.only === undefined && options.salt === SALT
  if (options.json) process.stdout.write(`${JSON.stringify(columns.map(jsonOf), null, 2)}\n`)
  else if (isWhole) writeDocs(columns)
  else for (const column of columns) process.stdout.write(`${textOf(column)}\n`)
  const [judged] = columns
  return judged && hasDeviation(judged) ? 1 : 0
}

try {
  process.exitCode = await main(readOptions())
} catch (error) {
  process.stderr.write(`conformance: ${(error as Error).message}\n`)
  process.exitCode = 2
}
