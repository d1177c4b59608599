import type { Command } from 'commander'
import { messageOf, OperatorError } from '../../../lib/errors.ts'
import { makeLifecycle } from '../../../lib/lifecycle.ts'
import { type ProfileRedisOptions, profileRedis } from './profile.ts'

const HELP = `
Starts a UDP tracker on a private Redis, loads it by \`redswarm load udp\`, and tells where Redis's time and memory go. Then,
for 10 s at most each: the same load without the AOF, and on instrumented scripts that count the commands of an announce.

The folder gets redis.txt (what is shown), redis.json, slowlog.txt, and, where perf is there and may be used,
perf-flamegraph.html, perf-flamegraph.svg and perf.folded.

Examples:
  $ npx redswarm profile redis
  $ npx redswarm profile redis --seconds 20 --torrents 10000 --peers 100000 --out ./redis-profile
  $ npx redswarm profile redis --no-perf

Exit code: 0 the profile is written, 1 it could not be made, 2 a wrong option. More: docs/profiling.md.
`

/** Adds `profile redis`. */
export function addProfileRedis(profile: Command): void {
  profile
    .command('redis')
    .description('where the time and the memory of Redis go under load')
    .option('--seconds <n>', 'seconds that are measured', '60')
    .option('--torrents <n>', 'torrents of the load', '100000')
    .option('--peers <n>', 'peers of the load', '200000')
    .option('--out <folder>', 'where the profile is written', './profile-redis')
    .option('--no-perf', 'without perf, which costs Redis some percent while it records')
    .addHelpText('after', HELP)
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
    .action(async (given: Record<string, string> & { perf: boolean }) => {
      process.exitCode = await run(given)
    })
}

/** Bounds of what one machine can be asked for. */
const BOUNDS = { seconds: [1, 600], torrents: [1, 2_000_000], peers: [1, 5_000_000] } as const

function readOptions(given: Record<string, string> & { perf: boolean }): ProfileRedisOptions {
  const number = (name: keyof typeof BOUNDS): number => {
    const value = Number(given[name])
    const [least, most] = BOUNDS[name]
    if (Number.isInteger(value) && value >= least && value <= most) return value
    throw new OperatorError(`--${name} must be a whole number from ${least} to ${most}, not ${given[name]}`)
  }
  const [seconds, torrents, peers] = [number('seconds'), number('torrents'), number('peers')]
  return { seconds, torrents, peers, out: given.out ?? '', perf: given.perf }
}

async function run(given: Record<string, string> & { perf: boolean }): Promise<number> {
  let options: ProfileRedisOptions
  try {
    options = readOptions(given)
  } catch (error) {
    process.stderr.write(`redswarm: ${messageOf(error)}\n`)
    return 2
  }
  const lifecycle = makeLifecycle()
  const onSignal = () => void lifecycle.stop().then(() => process.exit(130))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, onSignal)
  try {
    const { text, files } = await profileRedis(options, (phase) => process.stderr.write(`  ${phase} …\n`), lifecycle)
    process.stdout.write(`${text}\n${files.map((file) => `  ${file}\n`).join('')}`)
    return 0
  } catch (error) {
    process.stderr.write(
      `redswarm: ${error instanceof OperatorError ? error.message : `the profile failed: ${messageOf(error)}`}\n`,
    )
    return 1
  } finally {
    await lifecycle.stop()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.removeListener(signal, onSignal)
  }
}
