// What sweeps cost Redis, and how long one holds it up: `npm run bench:sweep -- --help`.
import { parseArgs } from 'node:util'
import type { Redis } from 'ioredis'
import { percent, shown, tableOf } from '../../lib/observe/table.ts'
import { makeRandom } from '../../lib/random.ts'
import { fieldsOf } from '../../lib/store/check-server.ts'
import { makeKeys, shardNames } from '../../lib/store/keys.ts'
import { makeShardSweeper } from '../../lib/store/sweep.ts'
import { EVENT } from '../../lib/wire/announce.ts'
import { makeLoad } from '../../services/load/shape.ts'
import { sweepAll } from '../../services/sweeper/sweep.ts'
import { exitOnSignals } from '../support/at-exit.ts'
import { startRedis } from '../support/redis.ts'
import { silentLog, storeOn } from '../support/store.ts'
import { describeMachine } from './peers/machine.ts'
import { redisCpuUs } from './repository/measure.ts'
import { figure } from './table.ts'

const HELP = `npm run bench:sweep -- [options]

Peers that announce once, spread evenly over a lifetime, and are never heard from again: so the sweeps of the next
lifetime have all of them to remove. Redis gets these sweeps one after the other, by a clock that runs as fast as it can.
Told are CPU time of Redis's main thread for a sweep that finds nothing and, beyond that, per peer removed and per swarm
looked at; how long scripts hold Redis up; and the share of Redis that sweeps take where as many peers leave in each
lifetime: all that time, of the lifetime's.

  --peers N      (2000000)    --torrents N  (1000000)   in aquatic's load shape
  --lifetime N   seconds (3900)    --every N  seconds between two sweeps (60)
  --at-once      one sweep of all, as after an outage, in place of a lifetime's
  --json         print one JSON object

  npm run bench:sweep -- --peers 20000 --torrents 10000`

const { values } = parseArgs({
  options: {
    peers: { type: 'string', default: '2000000' },
    torrents: { type: 'string', default: '1000000' },
    lifetime: { type: 'string', default: '3900' },
    every: { type: 'string', default: '60' },
    'at-once': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

/** When the first peer announces, in seconds: any time that was. */
const BEGIN_S = 1_700_000_000
const PEERS_AT_ONCE = 6400
/** Addresses of peers: 60,000 ports at each of them are enough for all. */
const ADDRESSES = 250
/** What a script may hold Redis up at most. */
const SCRIPT_US_MAX = 2000
const SLOW_MAX = 1_000_000
const EMPTY_SWEEPS = 10

type Figures = {
  seconds: number
  redisCpuS: number
  sweeps: number
  scripts: number
  peersRemoved: number
  swarmsVisited: number
  /** Of a sweep that finds nothing. */
  emptySweepMs: number
  /** Beyond that. */
  usPerPeer: number
  usPerVisit: number
  /** Of a lifetime that is all sweeps, if a lifetime's are done. */
  shareOfRedis: number | undefined
  heldUpUs: Record<string, number>
  overLimit: number
}

/** Announces all, so that the last announces come evenly over a lifetime. */
async function fill(redis: Redis, peers: number, torrents: number, lifetimeS: number): Promise<void> {
  let nowS = BEGIN_S
  const store = storeOn(redis, { peerLifetimeS: lifetimeS }, () => nowS)
  const load = makeLoad(torrents, peers, makeRandom(), (peer) => `10.0.0.${1 + (peer % ADDRESSES)}`)
  const rest = { event: EVENT.started, numwant: 0, wantsPeerIds: false, passkey: '' }
  for (let from = 0; from < peers; from += PEERS_AT_ONCE) {
    nowS = BEGIN_S + Math.floor((from / peers) * lifetimeS)
    const announces = load.slice(from, from + PEERS_AT_ONCE).map((peer) => ({ ...peer, ...rest }))
    for (const reply of await store.announce(announces)) if (!reply.ok) throw new Error(`refused: ${reply.refusal}`)
  }
}

/** Numbers of Redis since its last `CONFIG RESETSTAT`: of one command, called by scripts too. */
async function callsOf(redis: Redis, command: string): Promise<number> {
  const fields = fieldsOf(await redis.info('commandstats'))
  return Number(/calls=(\d+)/.exec(fields.get(`cmdstat_${command}`) ?? '')?.[1] ?? 0)
}

async function heldUp(redis: Redis): Promise<Record<string, number>> {
  const text = fieldsOf(await redis.info('latencystats')).get('latency_percentiles_usec_fcall') ?? ''
  return Object.fromEntries(
    text
      .split(',')
      .map((part) => part.split('='))
      .map(([name, us]) => [name, Number(us)]),
  )
}

async function measure(redis: Redis, lifetimeS: number, everyS: number, isAtOnce: boolean): Promise<Figures> {
  let nowS = BEGIN_S + lifetimeS
  const endS = BEGIN_S + 2 * lifetimeS + everyS
  const sweepShard = makeShardSweeper({ redis, keys: makeKeys(''), peerLifetimeS: lifetimeS, nowS: () => nowS })
  const sweepOnce = () => sweepAll({ shards: shardNames(), sweepShard, isStopping: () => false, log: silentLog })
  // By its clock no peer has announced yet: these find nothing.
  nowS = BEGIN_S
  await sweepOnce()
  const emptyFromUs = await redisCpuUs(redis)
  for (let sweep = 0; sweep < EMPTY_SWEEPS; sweep++) await sweepOnce()
  const emptySweepUs = ((await redisCpuUs(redis)) - emptyFromUs) / EMPTY_SWEEPS
  nowS = BEGIN_S + lifetimeS
  await redis.config('RESETSTAT')
  await redis.config('SET', 'slowlog-log-slower-than', String(SCRIPT_US_MAX), 'slowlog-max-len', String(SLOW_MAX))
  await redis.call('SLOWLOG', 'RESET')
  const [cpuUs, startMs] = [await redisCpuUs(redis), performance.now()]
  let [sweeps, peersRemoved] = [0, 0]
  if (isAtOnce) nowS = endS - everyS
  while (nowS < endS) {
    nowS += everyS
    const report = await sweepOnce()
    if (report.damaged > 0) throw new Error(`${report.damaged} keys are damaged`)
    sweeps += 1
    peersRemoved += report.peersRemoved
  }
  const seconds = (performance.now() - startMs) / 1000
  const spentUs = (await redisCpuUs(redis)) - cpuUs
  // Each look at a swarm asks for the number of its completed downloads, once.
  const swarmsVisited = await callsOf(redis, 'zcard')
  return {
    seconds,
    redisCpuS: spentUs / 1e6,
    sweeps,
    scripts: await callsOf(redis, 'fcall'),
    peersRemoved,
    swarmsVisited,
    emptySweepMs: emptySweepUs / 1000,
    usPerPeer: (spentUs - sweeps * emptySweepUs) / peersRemoved,
    usPerVisit: (spentUs - sweeps * emptySweepUs) / swarmsVisited,
    shareOfRedis: isAtOnce ? undefined : spentUs / 1e6 / lifetimeS,
    heldUpUs: await heldUp(redis),
    overLimit: (await redis.call('SLOWLOG', 'LEN')) as number,
  }
}

function textOf(figures: Figures, peers: number): string {
  const { shareOfRedis, heldUpUs } = figures
  const rows = [
    ['sweeps, and scripts that they took', `${shown(figures.sweeps)}, ${shown(figures.scripts)}`],
    ['peers removed, of all', `${shown(figures.peersRemoved)}, ${shown(peers)}`],
    ['swarms looked at', shown(figures.swarmsVisited)],
    ['CPU of Redis, s, in seconds', `${figure(figures.redisCpuS)}, ${figure(figures.seconds)}`],
    ['  ms of a sweep that finds nothing', figure(figures.emptySweepMs)],
    ['  beyond that, µs per peer removed', figure(figures.usPerPeer)],
    ['  and per swarm looked at', figure(figures.usPerVisit)],
    ['  all of it, of a lifetime', shareOfRedis === undefined ? 'not told: one sweep of all' : percent(shareOfRedis)],
    [
      'a script holds Redis up, µs',
      Object.entries(heldUpUs)
        .map(([name, us]) => `${name} ${shown(us)}`)
        .join(', '),
    ],
    [`  longer than ${SCRIPT_US_MAX / 1000} ms`, shown(figures.overLimit)],
  ]
  return tableOf(['', ''], rows, [0, 1]).join('\n')
}

async function main(): Promise<void> {
  const number = (name: 'peers' | 'torrents' | 'lifetime' | 'every', max: number): number => {
    const value = Number(values[name])
    if (Number.isInteger(value) && value >= 1 && value <= max) return value
    throw new Error(`--${name}: "${values[name]}" was given, it must be a whole number from 1 to ${max}`)
  }
  const [peers, torrents] = [number('peers', 10_000_000), number('torrents', 10_000_000)]
  const [lifetimeS, everyS] = [number('lifetime', 604_800), number('every', 3600)]
  const server = await startRedis('--latency-tracking-info-percentiles', '50 99 99.9 100')
  try {
    console.error(`filling: ${shown(peers)} peers`)
    await fill(server.redis, peers, torrents, lifetimeS)
    console.error('sweeping')
    const figures = await measure(server.redis, lifetimeS, everyS, values['at-once'])
    const machine = await describeMachine()
    if (values.json) console.log(JSON.stringify({ machine, peers, torrents, lifetimeS, everyS, ...figures }))
    else console.log(textOf(figures, peers))
  } finally {
    await server.stop()
  }
}

exitOnSignals()
try {
  if (values.help) console.log(HELP)
  else await main()
} catch (error) {
  console.error(`bench:sweep: ${(error as Error).message}`)
  process.exitCode = 2
}
