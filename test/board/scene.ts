import { dirname } from 'node:path'
import { runLoad } from '../bench/peers/load.ts'
import { endChild, MAIN, startChild, untilListens, untilUdpServes } from '../bench/peers/process.ts'
import { urlOf } from '../bench/peers/tracker.ts'
import { freePort } from '../support/free-port.ts'
import { startRedis } from '../support/redis.ts'

/** A whole tracker on a Redis of its own, whose peers live so short that sweeps have something to evict. */
export type Scene = {
  /** Where its metrics are: an address and a port. */
  metrics: string
  /** Loads it over both protocols, by so many requests a second each. */
  load: (seconds: number, ratePerS: number) => Promise<void>
  /** Runs an audit, so that there is one to tell of. */
  audit: () => Promise<void>
  killRedis: () => void
  stop: () => Promise<void>
}

const TORRENTS = 2000
const PEERS = 4000

/** Starts it. */
export async function startScene(): Promise<Scene> {
  const redis = await startRedis('--maxmemory', '512mb')
  const [udp, http, api, health, metrics] = await Promise.all([1, 2, 3, 4, 5].map(() => freePort()))
  const env = {
    REDSWARM_REDIS_URL: redis.url,
    REDSWARM_DATA_DIR: `${dirname(redis.socket)}/data`,
    REDSWARM_UDP_LISTEN: `127.0.0.1:${udp}`,
    REDSWARM_HTTP_LISTEN: `127.0.0.1:${http}`,
    REDSWARM_API_LISTEN: `127.0.0.1:${api}`,
    REDSWARM_HEALTH_LISTEN: `127.0.0.1:${health}`,
    REDSWARM_METRICS_LISTEN: `127.0.0.1:${metrics}`,
    REDSWARM_PEER_LIFETIME_S: '6',
    REDSWARM_ANNOUNCE_INTERVAL_S: '2',
    REDSWARM_ANNOUNCE_MIN_INTERVAL_S: '1',
    REDSWARM_SWEEP_INTERVAL_S: '2',
  }
  const cwd = dirname(redis.socket)
  const tracker = startChild(process.execPath, [MAIN, 'up'], { env, cwd })
  const stop = async () => {
    await endChild(tracker)
    await redis.stop()
  }
  try {
    await untilUdpServes(tracker, udp as number)
    await untilListens(tracker, metrics as number)
  } catch (error) {
    await stop()
    throw error
  }
  const loadOver = (protocol: 'udp' | 'http', port: number, seconds: number, ratePerS: number) =>
    runLoad(
      { url: urlOf(protocol, port), pids: {} },
      { seconds, torrents: TORRENTS, peers: PEERS, numwant: 30 },
      { more: ['--rate', String(ratePerS), '--warm-up', '0'] },
    )
  return {
    metrics: `127.0.0.1:${metrics}`,
    async load(seconds, ratePerS) {
      await Promise.all([
        loadOver('udp', udp as number, seconds, ratePerS),
        loadOver('http', http as number, seconds, Math.ceil(ratePerS / 4)),
      ])
    },
    async audit() {
      const audit = startChild(process.execPath, [MAIN, 'audit'], { env, cwd })
      await new Promise((resolve) => audit.process.once('exit', resolve))
    },
    killRedis: () => void redis.process.kill('SIGKILL'),
    stop,
  }
}
