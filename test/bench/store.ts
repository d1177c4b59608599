// The cost of announces in Redis, and the bytes that a peer takes: `npm run bench:store -- --help`.
import { parseArgs } from 'node:util'
import type { Redis } from 'ioredis'
import { makeRandom } from '../../lib/random.ts'
import type { StoredAnnounce, SwarmStore } from '../../lib/swarm/store.ts'
import { EVENT } from '../../lib/wire/announce.ts'
import { type LoadPeer, makeLoad, nextEvent } from '../../services/load/shape.ts'
import { exitOnSignals } from '../support/at-exit.ts'
import { startRedis } from '../support/redis.ts'
import { storeOn } from '../support/store.ts'
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

const ANNOUNCES_AT_ONCE = 64
const CALLERS = 4

const toAnnounce = (peer: LoadPeer, event: StoredAnnounce['event']): StoredAnnounce => ({
  ...peer,
  event,
  numwant: Number(values.numwant),
  wantsPeerIds: false,
  passkey: '',
})

/** Announces so many times; answers Redis's CPU per announce, and the bytes of peers per reply. */
async function measure(redis: Redis, store: SwarmStore, count: number, next: () => StoredAnnounce) {
  const startUs = await redisCpuUs(redis)
  let left = Math.ceil(count / ANNOUNCES_AT_ONCE)
  const calls = left
  let peerBytes = 0
  const caller = async (): Promise<void> => {
    while (left-- > 0) {
      for (const reply of await store.announce(Array.from({ length: ANNOUNCES_AT_ONCE }, next))) {
        if (!reply.ok) throw new Error(`refused: ${reply.refusal}`)
        peerBytes += reply.peers.length
      }
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))
  const announces = calls * ANNOUNCES_AT_ONCE
  return { us: ((await redisCpuUs(redis)) - startUs) / announces, bytes: peerBytes / announces }
}

exitOnSignals()
const server = await startRedis(...(values.aof ? ['--appendonly', 'yes', '--appendfsync', 'everysec'] : []))
const random = makeRandom()
const [torrents, peers] = [Number(values.torrents), Number(values.peers)]
const byte = () => 1 + Math.floor(random() * 254)
const load = makeLoad(torrents, peers, random, () => `${byte()}.${byte()}.${byte()}.${byte()}`)
const store = storeOn(server.redis, { peerDetails: !values['no-details'], eventsMax: Number(values.events) })
const emptyBytes = await usedBytes(server.redis)
let filled = 0
const fill = await measure(server.redis, store, peers, () =>
  toAnnounce(load[filled++ % peers] as LoadPeer, EVENT.started),
)
const bytesPerPeer = ((await usedBytes(server.redis)) - emptyBytes) / peers
const rounds: number[] = []
let replyBytes = 0
for (let round = 0; round < Number(values.rounds); round++) {
  const { us, bytes } = await measure(server.redis, store, Number(values.announces), () => {
    const peer = load[Math.floor(random() * peers)] as LoadPeer
    return toAnnounce(peer, nextEvent(peer, random))
  })
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
