// Honest clients of a tracker that is abused: `npm run bench:abuse -- --help`.
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { fixed, shown } from '../../lib/observe/table.ts'
import { connectRedis } from '../../lib/store/connect.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { makeSwarmReader } from '../../lib/store/reader.ts'
import { exitOnSignals } from '../support/at-exit.ts'
import { type Program, withProgram } from '../support/program.ts'
import { VICTIM } from './abuse/addresses.ts'
import { type Honest, runHonest } from './abuse/honest.ts'
import { describeMachine } from './peers/machine.ts'
import { endChild, residentBytesOf, startChild } from './peers/process.ts'
import { markdownTable } from './table.ts'

const HELP = `npm run bench:abuse -- [options]

A whole tracker with its default limits (but for loopback, which is counted here as any network), honest clients at a steady
pace, and abuse beside them: how many honest requests are answered, and what of the abuse stays in memory and in Redis.

  --scenes A,B   garbage, forged, connects, slow, hashes (all)
  --seconds N    of abuse in each scene (60)
  --honest N     honest requests a second (1000)
  --json         print one JSON object

  npm run bench:abuse -- --scenes forged --seconds 10
`

const { values } = parseArgs({
  options: {
    scenes: { type: 'string', default: 'garbage,forged,connects,slow,hashes' },
    seconds: { type: 'string', default: '60' },
    honest: { type: 'string', default: '1000' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

/** Clients of honest people, each at an address of its own, or all at one that somebody wants to silence. */
const APART = (client: number): string => `127.0.2.${1 + client}`
const AT_VICTIM = (): string => VICTIM

/** What is done: the abusers' process and its rate, where honest clients are, and how many of their requests there are. */
const SCENES: Record<
  string,
  { what: string; rate: (honest: number) => number; at: (client: number) => string; share: number }
> = {
  garbage: { what: '90 % garbage', rate: (honest) => 9 * honest, at: APART, share: 1 },
  // An address has 500 requests a second: those of honest clients are fewer where all are at one.
  forged: { what: 'forged ids for a victim', rate: () => 20_000, at: AT_VICTIM, share: 0.3 },
  connects: { what: 'connects for a victim', rate: () => 20_000, at: AT_VICTIM, share: 0.3 },
  slow: { what: '10,000 slow connections', rate: () => 10_000, at: APART, share: 1 },
  hashes: { what: 'a million new torrents', rate: () => 1_000_000 / Number(values.seconds), at: APART, share: 1 },
}

/** Time for a heap and for Redis to be as large as honest clients alone make them. */
const WARM_UP_MS = 10_000
/** And to be as small again as they get. */
const REST_MS = 10_000

type Memory = { trackerBytes: number; redisBytes: number; torrents: number; peers: number }
type Result = { scene: string; sent: number; honest: Honest; before: Memory; after: Memory; peakBytes: number }

async function runScene(scene: string, program: Program): Promise<Result> {
  const settings = SCENES[scene]
  if (!settings) throw new Error(`there is no scene ${scene}: ${Object.keys(SCENES).join(', ')}`)
  const { udp, http } = await program.serving()
  const ports = { udpPort: udp[0]?.port ?? 0, httpPort: http[0]?.port ?? 0 }
  const redis = await connectRedis(`unix://${join(program.dataDir, 'redis.sock')}`)
  const memory = async (): Promise<Memory> => {
    const info = await redis.info('memory')
    const { torrents, seeders, leechers } = await makeSwarmReader({ redis, keys: makeKeys('') }).totals()
    const redisBytes = Number(/^used_memory:(\d+)/m.exec(info)?.[1])
    return { trackerBytes: residentBytesOf(program.process.pid ?? 0), redisBytes, torrents, peers: seeders + leechers }
  }
  let [isOver, counts] = [false, false]
  const ratePerS = Number(values.honest) * settings.share
  const honest = runHonest(
    ports,
    { ratePerS, addressOf: settings.at },
    () => isOver,
    () => counts,
  )
  await sleep(WARM_UP_MS)
  const before = await memory()
  const args = [scene, ports.udpPort, ports.httpPort, settings.rate(Number(values.honest))].map(String)
  const abuser = startChild(process.execPath, [join(import.meta.dirname, 'abuse/abusers.ts'), ...args])
  let peakBytes = 0
  const peak = setInterval(() => {
    peakBytes = Math.max(peakBytes, residentBytesOf(program.process.pid ?? 0))
  }, 250)
  counts = true
  await sleep(Number(values.seconds) * 1000)
  counts = false
  clearInterval(peak)
  await endChild(abuser)
  await sleep(REST_MS)
  isOver = true
  const result = {
    scene,
    sent: Number(abuser.stderr().trim().split('\n').at(-1)),
    honest: await honest,
    before,
    peakBytes,
  }
  const after = await memory()
  redis.disconnect()
  return { ...result, after }
}

async function main(): Promise<void> {
  const results: Result[] = []
  for (const scene of values.scenes.split(',')) {
    console.error(`${scene}: ${Number(values.seconds)} s`)
    // Of the loopback nothing is exempt here: its addresses stand for anybody's.
    const env = { REDSWARM_LIMITS_EXEMPT: '192.0.2.1' }
    results.push(await withProgram(['up'], env, (program) => runScene(scene, program)))
  }
  const machine = await describeMachine()
  if (values.json) return console.log(JSON.stringify({ machine, options: values, results }))
  console.log(`${machine.cpu}, ${machine.cores} cores; Node ${machine.node.slice(1)}, Redis ${machine.redis}\n`)
  const mb = (bytes: number) => fixed(bytes / 1e6, 1)
  const rows = results.map(({ scene, sent, honest, before, after, peakBytes }) => [
    SCENES[scene]?.what ?? scene,
    ...[shown(sent), shown(honest.asked), `${fixed((100 * honest.answered) / honest.asked, 3)} %`],
    ...[fixed(honest.latencyMs.p50, 1), fixed(honest.latencyMs.p999, 1)],
    ...[`${mb(before.trackerBytes)}, ${mb(peakBytes)}, ${mb(after.trackerBytes)}`],
    ...[`${mb(before.redisBytes)}, ${mb(after.redisBytes)}`, `${shown(before.torrents)}, ${shown(after.torrents)}`],
  ])
  const head = ['abuse', 'sent', 'honest requests', 'answered', 'p50 ms', 'p99.9 ms']
  console.log(markdownTable([...head, 'tracker MB: before, most, after', 'Redis MB: before, after', 'torrents'], rows))
}

exitOnSignals()
if (values.help) console.log(HELP)
else {
  try {
    await main()
  } catch (error) {
    console.error(`bench:abuse: ${(error as Error).message}`)
    process.exit(2)
  }
}
