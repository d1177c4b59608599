import type { Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { isMissingIpv6, type Listen, listenError, listenText } from './config/listen.ts'
import type { Logger } from './observe/log.ts'

/** How long a stop waits for requests in work: longer than Redis may take (2 s), short of what a stop may (10 s). */
const DRAIN_MS_MAX = 3000

/** How long it waits for the first request of a connection. */
export const SILENT_MS_MAX = 250

/** A running HTTP server. */
export type HttpServer = { listens: Listen[]; stop: () => Promise<void> }

/** Starts a Fastify app on each address. Throws an OperatorError where one cannot be had. */
export async function startHttpServer({
  listens,
  sharesPorts = false,
  makeApp,
  setting,
  log,
}: {
  listens: readonly Listen[]
  /** Whether other processes listen on the same ports. */
  sharesPorts?: boolean
  /** Called for each address: a Fastify instance listens on one. */
  makeApp: () => FastifyInstance
  /** The setting that names the addresses. */
  setting: string
  log: Logger
}): Promise<HttpServer> {
  const apps: { app: FastifyInstance; sockets: Set<Socket> }[] = []
  const bound: Listen[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(apps.map(close))
  }
  for (const listen of listens) {
    const app = makeApp()
    const sockets = new Set<Socket>()
    app.server.on('connection', (socket: Socket) => {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    })
    try {
      // An IPv4-mapped address (`::ffff:127.0.0.1`) is IPv4 through a socket of IPv6, which must be of both for it.
      const ipv6Only = listen.address.includes(':') && !/^::ffff:/i.test(listen.address)
      // Fastify hands on what it does not know itself.
      const options = { host: listen.address, port: listen.port, ipv6Only, reusePort: sharesPorts }
      await app.listen(options)
      apps.push({ app, sockets })
      bound.push({ address: listen.address, port: (app.server.address() as { port: number }).port })
    } catch (error) {
      if (listens.length === 1 || !isMissingIpv6(listen, error)) {
        await stop()
        throw listenError('http', setting, listen, error)
      }
      log.warn(`no IPv6 here: not listening on http ${listenText(listen)}`)
    }
  }
  return { listens: bound, stop }
}

/**
 * Answers what is in work, then closes. Node closes the connections that are idle when a stop begins, but not those that
 * have asked nothing yet: the request of one may be under way, but browsers and pools hold some ready, too. One that is answered
 * after would be kept for its next request.
 */
async function close({ app, sockets }: { app: FastifyInstance; sockets: ReadonlySet<Socket> }): Promise<void> {
  app.server.keepAliveTimeout = 1
  app.server.keepAliveTimeoutBuffer = 0
  // Who has connected by now is let in: the system would cut those that still wait for it.
  await setImmediate()
  app.server.close()
  const silent = setTimeout(() => {
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy()
  }, SILENT_MS_MAX)
  const late = setTimeout(() => app.server.closeAllConnections(), DRAIN_MS_MAX)
  try {
    await app.close()
  } finally {
    clearTimeout(silent)
    clearTimeout(late)
  }
}
