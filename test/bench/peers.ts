// Redswarm next to other trackers, under the same load in one run: `npm run bench:peers -- --help`.
import { exitOnSignals } from '../support/at-exit.ts'
import { writePage } from './page.ts'
import { AQUATIC, aquatic } from './peers/aquatic.ts'
import { bittorrentTracker } from './peers/bittorrent-tracker.ts'
import { describeMachine } from './peers/machine.ts'
import { infoHashesOf, measure, type Round } from './peers/measure.ts'
import { opentracker } from './peers/opentracker.ts'
import { HELP, type PeersOptions, readPeersOptions } from './peers/options.ts'
import { redswarm } from './peers/redswarm.ts'
import { cpuChart, markdownOf, pictureOf, plainOf, summarize, textLines } from './peers/report.ts'
import { installCrate } from './peers/rust.ts'
import { TORRUST, torrust } from './peers/torrust.ts'
import type { Tracker } from './peers/tracker.ts'

const TRACKERS: readonly Tracker[] = [redswarm, opentracker, aquatic, torrust, bittorrentTracker]

type Present = { tracker: Tracker; version: string }

/** The trackers to compare that are there; what is told of the others. */
async function choose({ protocol, only }: PeersOptions): Promise<{ present: Present[]; leftOut: string[] }> {
  const present: Present[] = []
  const leftOut: string[] = []
  for (const tracker of TRACKERS) {
    if (only && !only.includes(tracker.name)) continue
    const found = await tracker.find()
    if (!tracker.protocols.includes(protocol))
      leftOut.push(`${tracker.name}: not compared over ${protocol.toUpperCase()}`)
    else if ('missing' in found) leftOut.push(`${tracker.name}: ${found.missing}`)
    else present.push({ tracker, version: found.version })
  }
  return { present, leftOut }
}

/** All rounds, the trackers in turns, so that what drifts on the machine hits all alike. */
async function runRounds({ protocol, shape, rounds }: PeersOptions, present: readonly Present[]): Promise<Round[]> {
  const infoHashes = infoHashesOf(shape)
  const done: Round[] = []
  for (let round = 1; round <= rounds; round++) {
    for (const { tracker } of present) {
      console.error(`round ${round} of ${rounds}: ${tracker.name}`)
      done.push(await measure(tracker, protocol, shape, infoHashes))
    }
  }
  return done
}

async function main(options: PeersOptions): Promise<void> {
  if (options.install) for (const crate of [AQUATIC, TORRUST]) await installCrate(crate)
  const { present, leftOut } = await choose(options)
  const rounds = await runRounds(options, present)
  const machine = await describeMachine()
  const summaries = present.map(({ tracker, version }) =>
    summarize(
      version,
      rounds.filter((round) => round.tracker === tracker.name),
    ),
  )
  const { protocol, shape } = options
  const { seconds, torrents, peers, numwant } = shape
  const facts = [
    `${machine.cpu}, ${machine.cores} cores; Node ${machine.node.slice(1)}, Redis ${machine.redis}; ${new Date().toISOString().slice(0, 10)}.`,
    `${options.rounds} rounds of ${seconds} s; ${torrents} torrents, ${peers} peers, numwant ${numwant}.`,
  ]
  const notes = [...leftOut.map((line) => `left out: ${line}`), ...textLines(summaries)]
  if (options.write) {
    const picture = `![CPU per response by tracker](pictures/${pictureOf(protocol)})`
    const list = notes.map((note) => `- ${note}`).join('\n')
    const text = [facts.join(' '), markdownOf(summaries), picture, list].join('\n\n').trimEnd()
    await writePage(protocol, text, [{ file: pictureOf(protocol), svg: await cpuChart(protocol, summaries) }])
  }
  if (options.json) console.log(JSON.stringify({ machine, options, leftOut, summaries, rounds }))
  else console.log([...facts, '', plainOf(summaries), '', ...notes].join('\n'))
}

exitOnSignals()
try {
  const names = TRACKERS.map(({ name }) => name)
  const options = readPeersOptions(process.argv.slice(2), names)
  if (options) await main(options)
  else console.log(HELP)
} catch (error) {
  console.error(`bench:peers: ${(error as Error).message}`)
  process.exitCode = 2
}
