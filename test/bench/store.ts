// The cost of announces in Redis, and the bytes that a peer takes: `npm run bench:store -- --help`.
import { parseArgs } from 'node:util'
import type { Redis } from 'ioredis'
import { makeRandom } from '../../lib/random.ts'
import type { StoredAnnounce, SwarmStore } from '../../lib/swarm/store.ts'
import { exitOnSignals } from '../support/at-exit.ts'
import { startRedis } from '../support/redis.ts'
import { storeOn } from '../support/store.ts'
import { announceMany, makeAnnounces } from './announces.ts'
import { redisCpuUs, usedBytes } from './repository/measure.ts'

const { values } = parseArgs({
  options: {
    torrents: { type: 'string', default: '100000' },
    peers: { type: 'string', default: '200000' },
    announces: { type: 'string', default: '300000' },
    rounds: { type: 'string', default: '3' },
    numwant: { type: 'string', default: '30' },
    'no-details': { type: 'boolean', default: false },
    aof: { type: 'boolean', default: false },
    events: { type: 'string', default: '0' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(`npm run bench:store -- [--torrents N] [--peers N] [--announces N] [--rounds N] [--numwant N] [--no-details] [--aof] [--events N]
CPU time of Redis's main thread per announce, 64 announces a call, aquatic's load shape; bytes per peer after the fill.`)
  process.exit(0)
}

const CALLERS = 4

/** Announces so many times; answers Redis's CPU per announce, and the bytes of peers per reply. */
async function measure(redis: Redis, store: SwarmStore, count: number, next: () => StoredAnnounce) {
  const startUs = await redisCpuUs(redis)
  const { announces, peerBytes } = await announceMany(store, { count, callers: CALLERS, next })
  return { us: ((await redisCpuUs(redis)) - startUs) / announces, bytes: peerBytes / announces }
}

exitOnSignals()
const server = await startRedis(...(values.aof ? ['--appendonly', 'yes', '--appendfsync', 'everysec'] : []))
const random = makeRandom()
const [torrents, peers] = [Number(values.torrents), Number(values.peers)]
const announces = makeAnnounces({ torrents, peers, numwant: Number(values.numwant) }, random)
const store = storeOn(server.redis, { peerDetails: !values['no-details'], eventsMax: Number(values.events) })
const emptyBytes = await usedBytes(server.redis)
const fill = await measure(server.redis, store, peers, announces.first)
const bytesPerPeer = ((await usedBytes(server.redis)) - emptyBytes) / peers
const rounds: number[] = []
let replyBytes = 0
for (let round = 0; round < Number(values.rounds); round++) {
  const { us, bytes } = await measure(server.redis, store, Number(values.announces), announces.next)
  rounds.push(us)
  replyBytes = bytes
}
const median = [...rounds].sort((a, b) => a - b)[rounds.length >> 1]
console.log(
  JSON.stringify({
    torrents,
    peers,
    details: !values['no-details'],
    aof: values.aof,
    events: Number(values.events),
    fillUsPerAnnounce: Number(fill.us.toFixed(2)),
    usPerAnnounce: Number(median?.toFixed(2)),
    rounds: rounds.map((us) => Number(us.toFixed(2))),
    bytesPerPeer: Number(bytesPerPeer.toFixed(1)),
    peerBytesPerReply: Math.round(replyBytes),
  }),
)
await server.stop()
