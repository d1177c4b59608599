import { relative } from 'node:path'
import type { Command } from 'commander'
import { messageOf, OperatorError } from '../../lib/errors.ts'
import { makeLifecycle } from '../../lib/lifecycle.ts'
import { openFolder } from './folder.ts'
import { type ProfileOptions, profileRole, type Summary, stageText } from './profile.ts'
import { makeProgress } from './progress.ts'
import { addProfileRedis } from './redis/command.ts'
import type { ProfiledRole } from './tracker.ts'

const DESCRIPTIONS: Record<ProfiledRole, string> = {
  udp: 'where the CPU time of a UDP tracker goes',
  http: 'where that of an HTTP tracker goes',
  api: 'where that of the REST API goes',
  sweeper: 'where that of a sweeper goes',
}

const HELP = `
Starts the role on a private Redis and free ports of the loopback, loads it, and ends by itself. The folder gets
  flamegraph.html      to look into with a browser: search, zoom, keys     (flamegraph.svg is its picture)
  profile.cpuprofile   for Chrome's or VS Code's DevTools, or speedscope
  callgrind.out        for kcachegrind or callgrind_annotate
  stages.txt, .json    how much each stage and each request path takes
  summary.json         all figures

Examples:
  $ npx redswarm profile udp
  $ npx redswarm profile http --seconds 20 --torrents 10000 --peers 100000 --out ./before

Exit code: 0 the profile is written, 1 it could not be made or misses too much, 2 a wrong option or folder. More: docs/profiling.md.
`

/** How a shell tells of a Ctrl-C. */
const EXIT_INTERRUPTED = 130

/** Bounds of what one machine can be asked for. */
const BOUNDS = { seconds: [1, 600], torrents: [1, 2_000_000], peers: [1, 5_000_000] } as const

type Given = Record<keyof typeof BOUNDS | 'out', string>

/** Adds `redswarm profile`. */
export function addProfileCommand(program: Command): void {
  const profile = program
    .command('profile')
    .description('load a role of the tracker, or Redis, and show where its time goes')
    .helpCommand(false)
    .exitOverride(({ exitCode, code }) => process.exit(exitCode === 0 || code === 'commander.helpDisplayed' ? 0 : 2))
  for (const role of Object.keys(DESCRIPTIONS) as ProfiledRole[]) {
    profile
      .command(role)
      .description(DESCRIPTIONS[role])
      .option('--seconds <n>', 'seconds that are sampled', '60')
      .option('--torrents <n>', 'torrents of the load', '100000')
      .option('--peers <n>', 'peers of the load', '200000')
      .option('--out <folder>', 'where the profile is written', `./profile-${role}`)
      .addHelpText('after', HELP)
      .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
      .action(async (given: Given) => {
        process.exitCode = await run(role, given)
      })
  }
  addProfileRedis(profile)
}

async function readOptions(role: ProfiledRole, given: Given): Promise<ProfileOptions> {
  const number = (name: keyof typeof BOUNDS): number => {
    const value = Number(given[name])
    const [least, most] = BOUNDS[name]
    if (Number.isInteger(value) && value >= least && value <= most) return value
    throw new OperatorError(`--${name} must be a whole number from ${least} to ${most}, not ${given[name]}`)
  }
  const numbers = { seconds: number('seconds'), torrents: number('torrents'), peers: number('peers') }
  return { role, ...numbers, folder: await openFolder(given.out) }
}

async function run(role: ProfiledRole, given: Given): Promise<number> {
  let options: ProfileOptions
  try {
    options = await readOptions(role, given)
  } catch (error) {
    process.stderr.write(`redswarm: ${messageOf(error)}\n`)
    return 2
  }
  const lifecycle = makeLifecycle()
  let isInterrupted = false
  const onSignal = () => {
    isInterrupted = true
    void lifecycle.stop().then(() => process.exit(EXIT_INTERRUPTED))
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, onSignal)
  const progress = makeProgress(process.stderr)
  try {
    const summary = await profileRole(options, progress.onPhase, lifecycle)
    progress.stop()
    process.stdout.write(`\n${stageText(summary)}\n\n${filesText(options.folder)}\n`)
    return endOf(summary)
  } catch (error) {
    progress.stop()
    // A Ctrl-C reaches the role and the load as well: that they ended is no news.
    if (isInterrupted) return EXIT_INTERRUPTED
    const told = error instanceof OperatorError ? error.message : `the profile failed: ${messageOf(error)}`
    process.stderr.write(`redswarm: ${told}\n`)
    return 1
  } finally {
    await lifecycle.stop()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.removeListener(signal, onSignal)
  }
}

function endOf({ problem, responses }: Summary): number {
  if (problem) process.stderr.write(`redswarm: ${problem}\n`)
  if (responses === 0) process.stderr.write('redswarm: nothing was answered: the profile is one of an idle process\n')
  return problem || responses === 0 ? 1 : 0
}

function filesText(folder: string): string {
  const within = relative(process.cwd(), folder) || '.'
  const shown = within.startsWith('..') ? folder : within
  return [
    `  ${shown}/flamegraph.html      open it with a browser`,
    `  ${shown}/profile.cpuprofile   Chrome: DevTools, Performance, Load profile; VS Code: open it`,
    `  ${shown}/callgrind.out        kcachegrind ${shown}/callgrind.out; or callgrind_annotate --inclusive=yes`,
    `  ${shown}/stages.txt           the tables above; also stages.json, summary.json, flamegraph.svg`,
  ].join('\n')
}
