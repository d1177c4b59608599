import { dirname } from 'node:path'
import { startNginx } from '../../support/balancer.ts'
import { freePort } from '../../support/free-port.ts'
import { startRedis } from '../../support/redis.ts'
import { type Child, endChild, MAIN, startChild, untilListens, untilUdpServes } from '../peers/process.ts'
import type { Protocol } from '../peers/tracker.ts'

/** Two frontends behind nginx, and one that clients ask themselves. */
export type Balanced = {
  redisPid: number
  nginxPid: number
  /** The port of nginx. */
  port: number
  direct: { port: number; pid: number }
  /** Those behind it, of which each can be ended and started. */
  frontends: { process: () => Child; start: () => Promise<void>; end: () => Promise<void> }[]
  stop: () => Promise<void>
}

/** Starts a Redis, three frontends and nginx, by infra/nginx/redswarm.conf or, for HTTP, by what of https.conf is not TLS. */
export async function startBalanced(protocol: Protocol): Promise<Balanced> {
  const redis = await startRedis('--appendonly', 'yes', '--appendfsync', 'everysec')
  const start = async (port: number, trusted: string): Promise<Child> => {
    const child = startChild(process.execPath, [MAIN, protocol], {
      cwd: dirname(redis.socket),
      env: {
        REDSWARM_REDIS_URL: redis.url,
        [`REDSWARM_${protocol.toUpperCase()}_LISTEN`]: `127.0.0.1:${port}`,
        REDSWARM_TRUSTED_PROXIES: trusted,
      },
    })
    await (protocol === 'udp' && trusted === '' ? untilUdpServes(child, port) : untilListensAt(child, protocol, port))
    return child
  }
  const ports = [await freePort(), await freePort(), await freePort()] as const
  const direct = await start(ports[2], '')
  const frontends = await Promise.all(
    [ports[0], ports[1]].map(async (port) => {
      let child = await start(port, '127.0.0.1')
      return {
        process: () => child,
        start: async () => {
          child = await start(port, '127.0.0.1')
        },
        end: () => endChild(child),
      }
    }),
  )
  const port = await freePort()
  const nginx = await (protocol === 'udp'
    ? startNginx({ udp: port, udpFrontends: [ports[0], ports[1]] })
    : startNginx({ plain: port, httpFrontends: [ports[0], ports[1]] }))
  return {
    redisPid: redis.process.pid as number,
    nginxPid: nginx.pid,
    port,
    direct: { port: ports[2], pid: direct.pid },
    frontends,
    async stop() {
      await nginx.stop()
      await Promise.all([endChild(direct), ...frontends.map(({ end }) => end())])
      await redis.stop()
    },
  }
}

/** A frontend that trusts 127.0.0.1 answers nothing to it over UDP: what its log says is waited for. */
async function untilListensAt(child: Child, protocol: Protocol, port: number): Promise<void> {
  if (protocol === 'http') return untilListens(child, port)
  for (let tries = 0; tries < 3000 && !child.stderr().includes('"msg":"serving"'); tries++)
    await new Promise((resolve) => setTimeout(resolve, 10))
}
