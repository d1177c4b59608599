// What an audit costs Redis: `npm run bench:audit -- --help`.
import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import type { Redis } from 'ioredis'
import { makeRandom } from '../../lib/random.ts'
import { auditAll } from '../../lib/store/audit.ts'
import { fieldsOf } from '../../lib/store/check-server.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { EVENT } from '../../lib/wire/announce.ts'
import type { InfoHash } from '../../lib/wire/info-hash.ts'
import { type LoadPeer, makeLoad } from '../../services/load/shape.ts'
import { exitOnSignals } from '../support/at-exit.ts'
import { startRedis } from '../support/redis.ts'
import { storeOn } from '../support/store.ts'
import { redisCpuUs } from './repository/measure.ts'

const { values } = parseArgs({
  options: {
    torrents: { type: 'string', default: '100000' },
    peers: { type: 'string', default: '200000' },
    rounds: { type: 'string', default: '3' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(`npm run bench:audit -- [--torrents N] [--peers N] [--rounds N]
Seconds of an audit, CPU time of Redis's main thread, and how long its scripts hold Redis up: median, 99 %, 99.9 % and all.
Aquatic's load shape; each torrent that it leaves empty gets one peer.`)
  process.exit(0)
}

const PEERS_AT_ONCE = 6400

/** So many torrents, each with a peer at least. */
function makePeers(torrents: number, peers: number): LoadPeer[] {
  const random = makeRandom()
  const byte = () => 1 + Math.floor(random() * 254)
  // About half of the load's torrents have no peer.
  const load = makeLoad(torrents, Math.max(1, peers - Math.round(torrents * 0.57)), random, () =>
    [byte(), byte(), byte(), byte()].join('.'),
  )
  const taken = new Set(load.map(({ infoHash }) => infoHash.toString('hex'))).size
  const alone = Array.from({ length: torrents - taken }, (_, i) => ({
    ...(load[i % load.length] as LoadPeer),
    infoHash: randomBytes(20) as InfoHash,
  }))
  return [...load, ...alone]
}

async function fill(redis: Redis, peers: readonly LoadPeer[]): Promise<void> {
  const store = storeOn(redis)
  const rest = { numwant: 0, wantsPeerIds: false, passkey: '' }
  for (let i = 0; i < peers.length; i += PEERS_AT_ONCE) {
    const announces = peers.slice(i, i + PEERS_AT_ONCE).map((peer, k) => {
      const event = k % 20 === 0 && peer.isSeeder ? EVENT.completed : EVENT.started
      return { ...peer, ...rest, event }
    })
    for (const reply of await store.announce(announces)) if (!reply.ok) throw new Error(`refused: ${reply.refusal}`)
  }
}

exitOnSignals()
const server = await startRedis()
const { redis } = server
await redis.config('SET', 'latency-tracking-info-percentiles', '50 99 99.9 100')
await fill(redis, makePeers(Number(values.torrents), Number(values.peers)))
for (let round = 0; round < Number(values.rounds); round++) {
  await redis.config('RESETSTAT')
  const [cpuUs, startMs] = [await redisCpuUs(redis), performance.now()]
  const { torrents, peers, drift } = await auditAll({ redis, keys: makeKeys(''), peerLifetimeS: 3900 })
  const seconds = (performance.now() - startMs) / 1000
  const redisCpuS = ((await redisCpuUs(redis)) - cpuUs) / 1e6
  const scripts = Number(/calls=(\d+)/.exec(fieldsOf(await redis.info('commandstats')).get('cmdstat_fcall') ?? '')?.[1])
  const heldUpUs = fieldsOf(await redis.info('latencystats')).get('latency_percentiles_usec_fcall')
  const figures = { seconds: Number(seconds.toFixed(1)), redisCpuS: Number(redisCpuS.toFixed(1)), scripts, heldUpUs }
  console.log(JSON.stringify({ torrents, peers, drift, ...figures }))
}
await server.stop()
