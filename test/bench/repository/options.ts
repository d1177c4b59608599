import { parseArgs } from 'node:util'
import { IMPLEMENTATIONS } from './implementations.ts'
import { type Group, makeGroups, SIZES, type Sizes } from './operations.ts'
import type { Implementation } from './repository.ts'

/** What the command was asked for. */
export type RepositoryOptions = {
  sizes: Sizes
  groups: Group[]
  implementations: Implementation[]
  rounds: number
  /** No round is begun that would end later; undefined where the rounds were given. */
  msMax: number | undefined
  json: boolean
  write: boolean
  profile: boolean
  out: string
}

export const HELP = `npm run bench:repository -- [options]
Torrust's four repository operations and those it never measured, on the tracker's own scripts and on other ways to keep
swarms in Redis: CPU of Redis's main thread, wall clock, memory. Implementations take turns, each on a fresh Redis.
Means with the 95 % confidence interval of Student's t over rounds.

  --rounds N              rounds (5, or what 9 minutes have time for; with --quick 3, or 58 seconds)
  --only TEXT             operations that have this in their name, and those that share their Redis
  --implementations A,B   of: ${IMPLEMENTATIONS.map(({ name }) => name).join(', ')}
  --quick                 smaller: about a minute
  --json                  prints all figures as one JSON object: mean, median, half of the interval
  --write                 writes tables and pictures into docs/benchmarks.md and docs/pictures: of all operations only
  --profile               no comparison: where the time goes in the store's Node side and in Redis, under mixed load,
                          without the network, and what its scripts call
  --out FOLDER            where --profile writes (profile-repository)

  npm run bench:repository -- --quick
  npm run bench:repository -- --only "mixed load" --implementations redswarm,AOF --rounds 10
  npm run bench:repository -- --profile --out /tmp/profile`

const ROUNDS_MAX = 99

/** Reads the command line; undefined where help was asked for. Throws where an option is wrong. */
export function readRepositoryOptions(args: readonly string[]): RepositoryOptions | undefined {
  const flag = { type: 'boolean', default: false } as const
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string' },
      only: { type: 'string' },
      implementations: { type: 'string' },
      quick: flag,
      json: flag,
      write: flag,
      profile: flag,
      out: { type: 'string', default: 'profile-repository' },
      help: flag,
    },
  })
  if (values.help) return undefined
  const { quick, json, write, profile, out, only, implementations } = values
  if (write && (only !== undefined || implementations !== undefined)) {
    throw new Error('--write: a part would take the place of all tables; leave out --only and --implementations')
  }
  const sizes = quick ? SIZES.quick : SIZES.whole
  return {
    sizes,
    groups: readGroups(only ?? '', sizes),
    implementations: readImplementations(implementations),
    rounds: readRounds(values.rounds ?? (quick ? '3' : '5')),
    msMax: values.rounds !== undefined ? undefined : quick ? 58_000 : 540_000,
    ...{ json, write, profile, out },
  }
}

function readRounds(given: string): number {
  const rounds = Number(given)
  if (Number.isInteger(rounds) && rounds >= 1 && rounds <= ROUNDS_MAX) return rounds
  throw new Error(`--rounds: "${given}" was given, it must be a whole number from 1 to ${ROUNDS_MAX}`)
}

function readGroups(only: string, sizes: Sizes): Group[] {
  const groups = makeGroups(sizes).filter(({ operations }) => operations.some((operation) => operation.includes(only)))
  if (groups.length === 0) throw new Error(`--only: no operation has "${only}" in its name`)
  return groups
}

function readImplementations(given: string | undefined): Implementation[] {
  if (given === undefined) return [...IMPLEMENTATIONS]
  return given.split(',').map((name) => {
    const found = IMPLEMENTATIONS.find((each) => each.name === name)
    if (found) return found
    const names = IMPLEMENTATIONS.map((each) => each.name).join(', ')
    throw new Error(`--implementations: "${name}" was given, it must be of ${names}`)
  })
}
