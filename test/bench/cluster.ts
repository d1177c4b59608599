// What announces cost on the masters of a Redis Cluster, next to one Redis: `npm run bench:cluster -- --help`.
import { parseArgs } from 'node:util'
import type { Redis } from 'ioredis'
import { median } from 'simple-statistics'
import { makeMeasures } from '../../lib/observe/measures.ts'
import { shown, tableOf } from '../../lib/observe/table.ts'
import { makeRandom } from '../../lib/random.ts'
import type { RedisClient } from '../../lib/store/client.ts'
import { connectRedis } from '../../lib/store/connect.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { nodesOf } from '../../lib/store/nodes.ts'
import type { StoredAnnounce } from '../../lib/swarm/store.ts'
import { exitOnSignals } from '../support/at-exit.ts'
import { startClusterOf } from '../support/cluster.ts'
import { startRedis } from '../support/redis.ts'
import { storeOn } from '../support/store.ts'
import { announceMany, makeAnnounces } from './announces.ts'
import { shardsOfMasters } from './cluster/spread.ts'
import { describeMachine } from './peers/machine.ts'
import { redisCpuUs } from './repository/measure.ts'
import { figure } from './table.ts'

const HELP = `npm run bench:cluster -- [options]

CPU of Redis per announce on one server and on Clusters of some masters, AOF every second, in turns: per announce that a
master did, its own CPU; how many announces go in one call; how shards spread over masters.

  --masters A,B    Clusters of so many masters, after the single server (1,2,3)
  --torrents N     (100000)     --peers N   (200000)     --numwant N   (30)
  --announces N    in each round, for each master (200000)
  --rounds N       (5)
  --json           print one JSON object

  npm run bench:cluster -- --rounds 1 --torrents 2000 --peers 4000 --announces 20000
`

const { values } = parseArgs({
  options: {
    masters: { type: 'string', default: '1,2,3' },
    torrents: { type: 'string', default: '100000' },
    peers: { type: 'string', default: '200000' },
    numwant: { type: 'string', default: '30' },
    announces: { type: 'string', default: '200000' },
    rounds: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

const AOF = ['--appendonly', 'yes', '--appendfsync', 'everysec']
/** Side by side for each master: so many keep its calls full. */
const CALLERS_EACH = 4
const SPREAD_OVER = [3, 16]
const keys = makeKeys('')

type Round = { usPerAnnounce: number; busiestUs: number; perCall: number }
type Place = {
  name: string
  masters: number
  rounds: Round[]
  measure: () => Promise<Round>
  stop: () => Promise<void>
}

/** Opens one Redis, or a Cluster, and fills it. */
async function openPlace(masters: number): Promise<Place> {
  const server = masters === 0 ? await startRedis(...AOF) : await startClusterOf(masters, ...AOF)
  const redis: RedisClient = await connectRedis(server.url)
  const measures = makeMeasures()
  const store = storeOn(redis, { measures })
  const shape = { torrents: Number(values.torrents), peers: Number(values.peers), numwant: Number(values.numwant) }
  const { first, next } = makeAnnounces(shape, makeRandom())
  const callers = CALLERS_EACH * Math.max(1, masters)
  const nodes = nodesOf(redis).all()
  const cpuOfAll = () => Promise.all(nodes.map(redisCpuUs))
  await announceMany(store, { count: shape.peers, callers, next: first })
  return {
    name: masters === 0 ? 'one Redis' : `${masters} master${masters > 1 ? 's' : ''}`,
    masters: Math.max(1, masters),
    rounds: [],
    async measure() {
      const done = new Map<Redis, number>()
      const counted = (): StoredAnnounce => {
        const announce = next()
        const node = nodesOf(redis).of(keys.swarm(announce.infoHash.toString('hex'))) as Redis
        done.set(node, (done.get(node) ?? 0) + 1)
        return announce
      }
      const { batches } = measures
      const before = { calls: callsIn(batches.announces.read().counts), cpu: await cpuOfAll() }
      const count = Number(values.announces) * Math.max(1, masters)
      const { announces } = await announceMany(store, { count, callers, next: counted })
      const cpu = (await cpuOfAll()).map((us, i) => us - (before.cpu[i] as number))
      const each = cpu.map((us, i) => us / (done.get(nodes[i] as Redis) ?? 1))
      return {
        usPerAnnounce: cpu.reduce((sum, us) => sum + us, 0) / announces,
        busiestUs: Math.max(...each),
        perCall: announces / (callsIn(batches.announces.read().counts) - before.calls),
      }
    },
    async stop() {
      redis.disconnect()
      await server.stop()
    },
  }
}

const callsIn = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0)

async function main(): Promise<void> {
  const places: Place[] = []
  try {
    for (const masters of [0, ...values.masters.split(',').map(Number)]) places.push(await openPlace(masters))
    for (let round = 1; round <= Number(values.rounds); round++) {
      for (const place of places) {
        console.error(`round ${round} of ${values.rounds}: ${place.name}`)
        place.rounds.push(await place.measure())
      }
    }
    await tell(places)
  } finally {
    await Promise.all(places.map(({ stop }) => stop()))
  }
}

async function tell(places: readonly Place[]): Promise<void> {
  const [one] = places as [Place]
  const rows = places.map(({ name, masters, rounds }) => {
    const middle = (of: (round: Round) => number) => median(rounds.map(of))
    const usPerAnnounce = middle((round) => round.usPerAnnounce)
    return {
      name,
      usPerAnnounce,
      busiestUs: middle((round) => round.busiestUs),
      toOne: median(rounds.map((round, i) => round.usPerAnnounce / (one.rounds[i] as Round).usPerAnnounce)),
      perCall: middle((round) => round.perCall),
      /** Where each master has a core of its own, and all of it. */
      announcesPerS: (masters * 1e6) / usPerAnnounce,
    }
  })
  const spread = SPREAD_OVER.map((masters) => {
    const shards = shardsOfMasters(keys, masters)
    return { masters, least: Math.min(...shards), most: Math.max(...shards) }
  })
  const machine = await describeMachine()
  if (values.json) return console.log(JSON.stringify({ machine, options: values, rows, spread }))
  console.log(`${machine.cpu}, ${machine.cores} cores; Node ${machine.node.slice(1)}, Redis ${machine.redis}`)
  console.log(`${values.rounds} rounds in turns; ${values.torrents} torrents, ${values.peers} peers, AOF every second`)
  console.log('\nCPU µs of Redis per announce')
  const head = ['', 'per announce', 'dearest master', 'to one Redis', 'announces a call', 'announces/s, a core each']
  const cells = rows.map(({ name, usPerAnnounce, busiestUs, toOne, perCall, announcesPerS }) => [
    name,
    ...[usPerAnnounce, busiestUs, toOne, perCall].map(figure),
    shown(Math.round(announcesPerS / 1000) * 1000),
  ])
  console.log(tableOf(head, cells).join('\n'))
  console.log('\nShards of each master, of 4,096')
  console.log(
    tableOf(
      ['masters', 'least', 'most'],
      spread.map(({ masters, least, most }) => [masters, least, most].map(shown)),
    ).join('\n'),
  )
}

exitOnSignals()
if (values.help) console.log(HELP)
else {
  try {
    await main()
  } catch (error) {
    console.error(`bench:cluster: ${(error as Error).message}`)
    process.exitCode = 2
  }
}
