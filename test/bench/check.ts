// Whether a response costs more CPU than it did, as a ratio to a bare UDP echo: `npm run bench:check -- --help`.
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { exitOnSignals } from '../support/at-exit.ts'
import { freePort } from '../support/free-port.ts'
import { echoCpuUsPerReply } from './check/sender.ts'
import {
  type Expected,
  type Finding,
  isSlower,
  measuredAgainIfSlower,
  PARTS,
  type Ratios,
  sayFinding,
  updatedExpected,
  verdictsOf,
} from './check/verdict.ts'
import { runLoad } from './peers/load.ts'
import { describeMachine } from './peers/machine.ts'
import { endChild, startChild } from './peers/process.ts'
import { redswarm } from './peers/redswarm.ts'
import type { RunningTracker } from './peers/tracker.ts'

const HELP = `npm run bench:check -- [--update] [--json]

CPU per response of a UDP frontend and its Redis under \`redswarm load udp\`, as a ratio to the CPU per reply of a bare UDP
echo by node:dgram, in turns; the least of the rounds. Some 30 seconds, and as many again where a part is slower: only what is so
twice fails. Exit code: 0 no part is above its stored ratio × the margin (test/bench/check/expected.json), 1 one is, 2 it could not run.

  --update  store the ratios of this run, of a calm machine
  --json    print one JSON object`

const EXPECTED = new URL('./check/expected.json', import.meta.url)
const ECHO = fileURLToPath(new URL('./check/echo.ts', import.meta.url))

const ROUNDS = 5
/** Both are compiled by V8 and filled before the first round. */
const WARM_UP_S = 2
const ECHO_S = 1
const LOAD_S = 2
/** What is lost has cost CPU, and is no response. */
const LOST_SHARE_MAX = 0.01
const SHAPE = { torrents: 10_000, peers: 20_000, numwant: 30 }

/** What one round showed: the echo's CPU per reply, and the tracker's parts per response, in µs. */
type Round = { echoUs: number } & Record<(typeof PARTS)[number], number>

async function loadedParts(tracker: RunningTracker, seconds: number, isFilled: boolean): Promise<Ratios> {
  const load = await runLoad(tracker, { ...SHAPE, seconds }, { more: isFilled ? ['--no-fill'] : [] })
  if (load.errors > 0 || load.wrong > 0) {
    throw new Error(`the tracker answered ${load.errors} errors, and ${load.wrong} replies were wrong`)
  }
  if (load.lost > LOST_SHARE_MAX * load.responses) {
    throw new Error(`${load.lost} requests were lost, of ${load.responses} responses`)
  }
  const parts = PARTS.map((part) => [part, load.cpuUsPerResponse[part] ?? Number.NaN])
  return Object.fromEntries(parts) as Ratios
}

async function measure(): Promise<Round[]> {
  const port = await freePort()
  const echo = startChild(process.execPath, [ECHO, String(port)])
  const rounds: Round[] = []
  try {
    const tracker = await redswarm.start({ protocol: 'udp', infoHashes: [], numwant: SHAPE.numwant })
    try {
      await echoCpuUsPerReply(port, echo.pid, WARM_UP_S)
      await loadedParts(tracker, WARM_UP_S, false)
      for (let round = 0; round < ROUNDS; round++) {
        const echoUs = await echoCpuUsPerReply(port, echo.pid, ECHO_S)
        rounds.push({ echoUs, ...(await loadedParts(tracker, LOAD_S, true)) })
      }
    } finally {
      await tracker.stop()
    }
  } finally {
    await endChild(echo)
  }
  return rounds
}

/**
 * What else runs on the machine only ever adds to the CPU of a response (smaller batches, cold caches): the least of the
 * rounds differs less from run to run than their median.
 */
const leastOf = (rounds: readonly Round[], what: keyof Round): number => Math.min(...rounds.map((round) => round[what]))

type Measured = { echoUs: number; ratios: Ratios; findings: Finding[]; rounds: Round[] }

async function measureAgainst(expected: Expected): Promise<Measured> {
  const rounds = await measure()
  const echoUs = leastOf(rounds, 'echoUs')
  const parts = PARTS.map((part) => [part, Number((leastOf(rounds, part) / echoUs).toFixed(3))])
  const ratios = Object.fromEntries(parts) as Ratios
  return { echoUs, ratios, findings: verdictsOf(ratios, expected), rounds }
}

async function check(isUpdate: boolean, isJson: boolean): Promise<number> {
  const expected = JSON.parse(await readFile(EXPECTED, 'utf8')) as Expected
  if (isUpdate) return update(expected)
  const seen = await measuredAgainIfSlower(() => measureAgainst(expected))
  const { echoUs, ratios, findings, rounds } = seen.at(-1) as Measured
  const isAgain = seen.length > 1
  if (isJson) console.log(JSON.stringify({ echoUs, ratios, margin: expected.margin, isAgain, findings, rounds }))
  else {
    if (isAgain) {
      console.log('a part was slower, so that all was measured once more; at first:')
      for (const finding of seen[0]?.findings ?? []) console.log(`  ${sayFinding(finding, expected.margin)}`)
    }
    console.log(`echo: ${echoUs.toFixed(2)} us of CPU per reply`)
    for (const finding of findings) console.log(sayFinding(finding, expected.margin))
  }
  return isSlower(findings) ? 1 : 0
}

async function update(expected: Expected): Promise<number> {
  const { echoUs, ratios } = await measureAgainst(expected)
  const { cpu, cores, node } = await describeMachine()
  const reason = `npm run bench:check -- --update on ${new Date().toISOString().slice(0, 10)}: ${cpu}, ${cores} cores, Node ${node}; the least of ${ROUNDS} rounds, the echo at ${echoUs.toFixed(2)} us.`
  const updated = updatedExpected(expected, ratios, reason)
  await writeFile(EXPECTED, `${JSON.stringify(updated, null, 2)}\n`)
  console.log(`stored: ${PARTS.map((part) => `${part} ${ratios[part]}`).join(', ')}`)
  return 0
}

exitOnSignals()
try {
  const flag = { type: 'boolean', default: false } as const
  const { values } = parseArgs({ options: { update: flag, json: flag, help: flag } })
  if (values.help) console.log(HELP)
  else process.exitCode = await check(values.update, values.json)
} catch (error) {
  console.error(`bench:check: ${(error as Error).message}`)
  process.exitCode = 2
}
