import { dirname } from 'node:path'
import { freePort } from '../../support/free-port.ts'
import { startRedis, until } from '../../support/redis.ts'
import { type Child, endChild, MAIN, startChild, untilListens, untilUdpServes } from './process.ts'
import { type Protocol, type RunningTracker, type Tracker, urlOf } from './tracker.ts'

/** As it is set without being told. */
const NUMWANT_MAX = 50
const SERVES_MS_MAX = 60_000

/** Frontends, in one process or several on one port, and a Redis of their own: AOF every second, peers' details kept. */
export async function startRedswarm({
  protocol,
  numwant,
  processes = 1,
}: {
  protocol: Protocol
  numwant: number
  processes?: number
}): Promise<RunningTracker & { redisUrl: string }> {
  const redis = await startRedis('--appendonly', 'yes', '--appendfsync', 'everysec')
  const port = await freePort()
  const frontend = startChild(process.execPath, [MAIN, protocol, '--processes', String(processes)], {
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
    const pids = { ...(await frontendPids(frontend, processes)), Redis: redis.process.pid as number }
    return { url: urlOf(protocol, port), pids, redisUrl: redis.url, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** The process that serves, or those that it has started, which it tells of in its log. */
async function frontendPids(frontend: Child, processes: number): Promise<Record<string, number>> {
  if (processes === 1) return { frontend: frontend.pid }
  const told = () => [...frontend.stderr().matchAll(/"process":(\d+),"pid":(\d+),"msg":"the process serves"/g)]
  await until('all processes to serve', () => told().length === processes, SERVES_MS_MAX)
  return Object.fromEntries(told().map(([, number, pid]) => [`frontend ${number}`, Number(pid)]))
}

/** One frontend. */
export const redswarm: Tracker = {
  name: 'redswarm',
  protocols: ['udp', 'http'],
  find: async () => ({ version: 'this repository' }),
  start: startRedswarm,
}
