import { parseArgs } from 'node:util'
import type { LoadShape } from './load.ts'
import type { Protocol } from './tracker.ts'

/** What the command was asked for. */
export type PeersOptions = {
  protocol: Protocol
  shape: LoadShape
  rounds: number
  only: string[] | undefined
  json: boolean
  write: boolean
  install: boolean
}

export const HELP = `npm run bench:peers -- [options]

The same load against Redswarm and other trackers of this machine, in turns: each starts empty, is filled, then loaded.

  --http          over HTTP, by \`redswarm load http\`, instead of UDP (all but aquatic_udp)
  --rounds N      turns of each tracker (3)
  --seconds N     measured seconds of each turn (10)
  --torrents N    (100000)     --peers N   (200000)     --numwant N   (30): as of \`redswarm load\`
  --only A,B      these trackers: redswarm, bittorrent-tracker, opentracker, aquatic_udp, torrust-tracker
  --install       build aquatic_udp and torrust-tracker by cargo first, where they are not there (some minutes)
  --write         write table and chart into docs/benchmarks.md and docs/pictures
  --json          print one JSON object

  npm run bench:peers -- --rounds 1 --seconds 5 --torrents 20000 --peers 40000 --only redswarm,opentracker
`

const ROUNDS_MAX = 99

/** Reads the command line; undefined where help was asked for. */
export function readPeersOptions(args: readonly string[], names: readonly string[]): PeersOptions | undefined {
  const text = (value: string) => ({ type: 'string', default: value }) as const
  const flag = { type: 'boolean', default: false } as const
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: text('3'),
      seconds: text('10'),
      torrents: text('100000'),
      peers: text('200000'),
      numwant: text('30'),
      only: { type: 'string' },
      http: flag,
      json: flag,
      write: flag,
      install: flag,
      help: flag,
    },
  })
  if (values.help) return undefined
  const number = (name: 'rounds' | keyof LoadShape, max: number): number => {
    const value = Number(values[name])
    if (Number.isInteger(value) && value >= 1 && value <= max) return value
    throw new Error(`--${name}: "${values[name]}" was given, it must be a whole number from 1 to ${max}`)
  }
  const only = values.only?.split(',')
  for (const name of only ?? []) {
    if (!names.includes(name)) throw new Error(`--only: "${name}" was given, it must be of ${names.join(', ')}`)
  }
  const { http, json, write, install } = values
  return {
    protocol: http ? 'http' : 'udp',
    shape: {
      seconds: number('seconds', 600),
      torrents: number('torrents', 4_000_000),
      peers: number('peers', 4_000_000),
      numwant: number('numwant', 200),
    },
    rounds: number('rounds', ROUNDS_MAX),
    only,
    json,
    write,
    install,
  }
}
