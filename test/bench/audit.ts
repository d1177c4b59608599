// What an audit costs Redis: `npm run bench:audit -- --help`.
import { parseArgs } from 'node:util'
import { auditAll } from '../../lib/store/audit.ts'
import { fieldsOf } from '../../lib/store/check-server.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { exitOnSignals } from '../support/at-exit.ts'
import { startRedis } from '../support/redis.ts'
import { fill, makePeers } from './fill.ts'
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
