import { dirname } from 'node:path'
import { freePort } from '../../support/free-port.ts'
import { startRedis } from '../../support/redis.ts'
import { endChild, MAIN, startChild, untilListens, untilUdpServes } from './process.ts'
import { type Tracker, urlOf } from './tracker.ts'

/** As it is set without being told. */
const NUMWANT_MAX = 50

/** One frontend and a Redis of its own: AOF every second, peers' details kept. */
export const redswarm: Tracker = {
  name: 'redswarm',
  protocols: ['udp', 'http'],
  find: async () => ({ version: 'this repository' }),
  async start({ protocol, numwant }) {
    const redis = await startRedis('--appendonly', 'yes', '--appendfsync', 'everysec')
    const port = await freePort()
    const frontend = startChild(process.execPath, [MAIN, protocol], {
      // A `.env` file of the caller's is not there.
      cwd: dirname(redis.socket),
      env: {
        REDSWARM_REDIS_URL: redis.url,
        [protocol === 'udp' ? 'REDSWARM_UDP_LISTEN' : 'REDSWARM_HTTP_LISTEN']: `127.0.0.1:${port}`,
        REDSWARM_NUMWANT_MAX: String(Math.max(NUMWANT_MAX, numwant)),
        REDSWARM_PEER_DETAILS: 'true',
      },
    })
    const stop = async () => {
      await endChild(frontend)
      await redis.stop()
    }
    try {
      await (protocol === 'udp' ? untilUdpServes(frontend, port) : untilListens(frontend, port))
    } catch (error) {
      await stop()
      throw error
    }
    return { url: urlOf(protocol, port), pids: { frontend: frontend.pid, Redis: redis.process.pid as number }, stop }
  },
}
