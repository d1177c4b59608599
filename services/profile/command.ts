import { relative } from 'node:path'
import type { Command } from 'commander'
import { BOUNDS, type GivenOptions } from './options.ts'
import type { ProfiledRole } from './tracker.ts'

const DESCRIPTIONS: Record<ProfiledRole, string> = {
  udp: 'where the CPU time of a UDP tracker goes',
  http: 'where that of an HTTP tracker goes',
  api: 'where that of the REST API goes',
  sweeper: 'where that of a sweeper goes',
}

const EXIT_CODES = `
Exit code: 0 the profile is written, 1 it could not be made, nothing was answered, or it misses too much; 2 a wrong option
or folder; 130 interrupted. More: docs/profiling.md.
`

const ROLE_HELP = `
Starts the role on a private Redis and free ports of the loopback, loads it, and ends by itself. The folder gets
  flamegraph.html      to look into with a browser: search, zoom, keys     (flamegraph.svg is its picture)
  profile.cpuprofile   for Chrome's or VS Code's DevTools, or speedscope
  callgrind.out        for kcachegrind or callgrind_annotate
  stages.txt, .json    how much each stage and each request path takes
  summary.json         all figures

Examples:
  $ npx redswarm profile udp
  $ npx redswarm profile http --seconds 20 --torrents 10000 --peers 100000 --out ./before
${EXIT_CODES}`

const REDIS_HELP = `
Starts a UDP tracker on a private Redis, loads it by \`redswarm load udp\`, and tells where Redis's time and memory go. Then,
for 10 s at most each: the same load without the AOF, and on instrumented scripts that count the commands of an announce.

The folder gets redis.txt (what is shown), redis.json, slowlog.txt, and, where perf is there and may be used,
perf-flamegraph.html, perf-flamegraph.svg and perf.folded.

Examples:
  $ npx redswarm profile redis
  $ npx redswarm profile redis --seconds 20 --torrents 10000 --peers 100000 --out ./redis-profile
  $ npx redswarm profile redis --no-perf
${EXIT_CODES}`

/** Adds `redswarm profile`. */
export function addProfileCommand(program: Command): void {
  const profile = program
    .command('profile')
    .description('load a role of the tracker, or Redis, and show where its time goes')
    .helpCommand(false)
    .exitOverride(({ exitCode, code }) => process.exit(exitCode === 0 || code === 'commander.helpDisplayed' ? 0 : 2))
  for (const role of Object.keys(DESCRIPTIONS) as ProfiledRole[]) {
    addCommand(profile, role, DESCRIPTIONS[role], ROLE_HELP).action(async (given: GivenOptions) => {
      const [{ profileRole, stageText }, { runCommand }] = await Promise.all([
        import('./profile.ts'),
        import('./run-command.ts'),
      ])
      process.exitCode = await runCommand(given, async (options, onPhase, lifecycle) => {
        const summary = await profileRole({ ...options, role }, onPhase, lifecycle)
        return { text: `\n${stageText(summary)}\n\n${filesText(options.folder)}\n`, problem: summary.problem }
      })
    })
  }
  addCommand(profile, 'redis', 'where the time and the memory of Redis go under load', REDIS_HELP)
    .option('--no-perf', 'without perf, which costs Redis some percent while it records')
    .action(async (given: GivenOptions & { perf: boolean }) => {
      const [{ profileRedis }, { runCommand }] = await Promise.all([
        import('./redis/profile.ts'),
        import('./run-command.ts'),
      ])
      process.exitCode = await runCommand(given, async (options, onPhase, lifecycle) => {
        const { text, files, problem } = await profileRedis({ ...options, perf: given.perf }, onPhase, lifecycle)
        return { text: `${text}\n${files.map((file) => `  ${file}\n`).join('')}`, problem }
      })
    })
}

function addCommand(profile: Command, name: string, description: string, help: string): Command {
  const within = (option: keyof typeof BOUNDS) => BOUNDS[option].join(' to ')
  return profile
    .command(name)
    .description(description)
    .option('--seconds <n>', `seconds that are measured (${within('seconds')})`, '60')
    .option('--torrents <n>', `torrents of the load (${within('torrents')})`, '100000')
    .option('--peers <n>', `peers of the load (${within('peers')})`, '200000')
    .option('--out <folder>', 'where the profile is written', `./profile-${name}`)
    .addHelpText('after', help)
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
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
