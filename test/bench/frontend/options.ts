import { parseArgs } from 'node:util'
import type { LoadShape } from '../peers/load.ts'

/** What can be measured. */
export const PARTS = ['http', 'overload', 'processes', 'start'] as const

/** One of them. */
export type Part = (typeof PARTS)[number]

/** What the command was asked for. */
export type FrontendOptions = {
  shape: LoadShape
  rounds: number
  starts: number
  /** How many processes serve one port, one after the other. */
  processes: number[]
  /** Processes that make the load of those. */
  loadProcesses: number
  only: readonly Part[]
  json: boolean
}

export const HELP = `npm run bench:frontend -- [options]

What frontends cost and how they bear load, by \`redswarm load\`, each on a Redis of its own; medians of rounds in turns.

  http        CPU per announce over kept connections, next to a Fastify whose only route does nothing
  overload    UDP: latencies at half of what a closed loop gets, then twice as many requests as that: how many are
              answered, refused, dropped, and whether memory stays flat
  processes   CPU per response of 1, 2, 4 and 8 UDP processes on one port
  start       from the start of a UDP frontend's process to its first answer

  --only A,B       these parts (http,overload,processes,start)
  --rounds N       turns of each measurement (3)
  --seconds N      measured seconds of each (10)
  --torrents N     (100000)     --peers N   (200000)     --numwant N   (30): as of \`redswarm load\`
  --processes A,B  how many processes serve one port (1,2,4,8)
  --load-processes N  that make the load of those (1): one is not faster than two or three of them
  --starts N       starts that are measured (10)
  --json           print one JSON object

  npm run bench:frontend -- --rounds 1 --seconds 2 --torrents 2000 --peers 4000 --processes 1,2 --starts 3
`

const PROCESSES_MAX = 64

/** Reads the command line; undefined where help was asked for. */
export function readFrontendOptions(args: readonly string[]): FrontendOptions | undefined {
  const text = (value: string) => ({ type: 'string', default: value }) as const
  const flag = { type: 'boolean', default: false } as const
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: text(PARTS.join(',')),
      rounds: text('3'),
      seconds: text('10'),
      torrents: text('100000'),
      peers: text('200000'),
      numwant: text('30'),
      processes: text('1,2,4,8'),
      'load-processes': text('1'),
      starts: text('10'),
      json: flag,
      help: flag,
    },
  })
  if (values.help) return undefined
  const wrong = (name: string, given: string, mayBe: string) =>
    new Error(`--${name}: "${given}" was given, it must be ${mayBe}`)
  const number = (name: string, given: string, max: number): number => {
    const value = Number(given)
    if (Number.isInteger(value) && value >= 1 && value <= max) return value
    throw wrong(name, given, `a whole number from 1 to ${max}`)
  }
  const toPart = (name: string): Part => {
    const part = PARTS.find((each) => each === name)
    if (part) return part
    throw wrong('only', name, `of ${PARTS.join(', ')}`)
  }
  return {
    shape: {
      seconds: number('seconds', values.seconds, 600),
      torrents: number('torrents', values.torrents, 4_000_000),
      peers: number('peers', values.peers, 4_000_000),
      numwant: number('numwant', values.numwant, 200),
    },
    rounds: number('rounds', values.rounds, 99),
    starts: number('starts', values.starts, 1000),
    processes: values.processes.split(',').map((each) => number('processes', each, PROCESSES_MAX)),
    loadProcesses: number('load-processes', values['load-processes'], PROCESSES_MAX),
    only: values.only.split(',').map(toPart),
    json: values.json,
  }
}
