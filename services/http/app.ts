import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { answerBrokenIn, requestLimits, STUCK_MS_MAX } from '../../lib/http-server-guard.ts'
import type { Counters } from '../../lib/observe/counters.ts'
import { type Endpoint, toEndpoint } from '../../lib/wire/endpoint.ts'
import { forwardedFor } from '../../lib/wire/forwarded-for.ts'
import { writeFailure } from '../../lib/wire/http-reply.ts'
import type { Network } from '../../lib/wire/network.ts'
import { makeNetworkCheck } from '../../lib/wire/network-table.ts'
import { readProxyHeader } from '../../lib/wire/proxy-header.ts'
import { parseQuery, type Query } from '../../lib/wire/query.ts'
import { type Connections, limitConnections } from './connections.ts'
import { type ProxiedConnections, takeProxyHeaders } from './proxied-connections.ts'

/** Longest URL that is read: a scrape of 100 escaped info hashes has 7,100 bytes. */
export const URL_BYTES_MAX = 8000
/** How long a connection is kept for a next request: longer than the idle time of common proxies (60 s). */
const KEEP_ALIVE_MS = 65_000

/** What the HTTP tracker answers with. */
export type HttpHandlers = {
  announce: (query: Query, source: Endpoint | undefined, passkey: string) => Promise<Buffer>
  scrape: (query: Query, source: Endpoint | undefined, passkey: string) => Promise<Buffer>
  /** Whether the store can be reached. */
  isHealthy: () => boolean
}

/** The HTTP tracker (BEP 3, 7, 23, 24, 31, 48) as a function of what it needs; not listening yet. */
export function makeHttpApp(
  handlers: HttpHandlers,
  {
    trustedProxies,
    counters,
    connections,
  }: { trustedProxies: readonly Network[]; counters: Counters; connections: Connections },
): FastifyInstance {
  const answerBroken = answerBrokenIn('text/plain', (_code, message) => `${message}\n`)
  const app = Fastify({
    ...requestLimits,
    connectionTimeout: STUCK_MS_MAX,
    keepAliveTimeout: KEEP_ALIVE_MS,
    exposeHeadRoutes: false,
    clientErrorHandler(error, socket) {
      const { rawPacket } = error
      if (Buffer.isBuffer(rawPacket) && readProxyHeader(rawPacket) !== 'none') counters.proxy_untrusted += 1
      answerBroken(error, socket)
    },
    // Nothing of the path is told: there may be a passkey in it.
    frameworkErrors: (_error, _request, reply: FastifyReply) =>
      void reply.code(400).type('text/plain').send('the path is malformed\n'),
    routerOptions: {
      // The router's own query parser would take the bytes of an info hash for UTF-8; ours reads the raw URL.
      querystringParser: () => ({}),
      maxParamLength: URL_BYTES_MAX,
      // As over UDP, where the path is the same URL data.
      ignoreTrailingSlash: true,
    },
  })
  // Nothing that a tracker is asked has a body: whatever comes with a request is left unread, not judged.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _body, done) => done(null))
  const isProxy = makeNetworkCheck(trustedProxies)
  // Most trackers have no proxy before them, and need not look for one.
  const proxied = trustedProxies.length > 0 ? takeProxyHeaders(app.server, { isProxy, counters }) : undefined
  if (proxied) app.addHook('preClose', async () => proxied.close())
  // After what takes connections over: it counts them from when they are made.
  limitConnections(app.server, connections)
  const sourceOf = proxied ? makeSourceFinder(isProxy, proxied) : connectionOf
  const answer = (handle: HttpHandlers['announce']) => async (request: FastifyRequest, reply: FastifyReply) => {
    const url = request.raw.url ?? ''
    if (url.length > URL_BYTES_MAX)
      return reply.code(414).type('text/plain').send(writeFailure('the request is too long'))
    const question = url.indexOf('?')
    const query = parseQuery(question < 0 ? '' : url.slice(question + 1))
    const { passkey = '' } = request.params as { passkey?: string }
    const connection = connections.begin(request.socket)
    try {
      send(reply, await handle(query, sourceOf(request), passkey))
    } finally {
      connections.end(connection)
    }
  }
  for (const path of ['/announce', '/announce/:passkey']) app.get(path, answer(handlers.announce))
  for (const path of ['/scrape', '/scrape/:passkey']) app.get(path, answer(handlers.scrape))
  app.get('/health_check', async (_, reply) => {
    const isHealthy = handlers.isHealthy()
    return reply.code(isHealthy ? 200 : 503).send({ status: isHealthy ? 'Ok' : 'Error' })
  })
  for (const url of ['/announce', '/announce/:passkey', '/scrape', '/scrape/:passkey', '/health_check'])
    refuseOtherMethods(app, url)
  app.setNotFoundHandler((_, reply) => reply.code(404).type('text/plain').send('not here: try /announce or /scrape\n'))
  return app
}

/**
 * Sends an answer without Fastify, as one latin1 text: Node writes that with the headers in one piece, where a buffer
 * goes out as a second one.
 */
function send(reply: FastifyReply, answer: Buffer): void {
  reply.hijack()
  reply.raw.writeHead(200, { 'content-type': 'text/plain', 'content-length': answer.length })
  reply.raw.end(answer.toString('latin1'), 'latin1')
}

function refuseOtherMethods(app: FastifyInstance, url: string): void {
  const methods = app.supportedMethods.filter((method) => method !== 'GET')
  app.route({
    method: methods,
    url,
    handler: (_, reply) =>
      reply.code(405).header('allow', 'GET').type('text/plain').send('only GET is answered here\n'),
  })
}

const connectionOf = ({ socket }: FastifyRequest): Endpoint | undefined =>
  toEndpoint(socket.remoteAddress ?? '', socket.remotePort ?? 0)

/**
 * Finds where a client is: its connection's address or, behind a trusted proxy, that of the PROXY protocol's header or the
 * right-most address of X-Forwarded-For that is no trusted proxy. A proxy that does not say gives none: its own address is
 * no peer's.
 */
function makeSourceFinder(
  isProxy: (source: Endpoint) => boolean,
  proxied: ProxiedConnections,
): (request: FastifyRequest) => Endpoint | undefined {
  return (request) => {
    const sender = proxied.sourceOf(request.socket) ?? connectionOf(request)
    if (!sender || !isProxy(sender)) return sender
    return forwardedFor(request.headers['x-forwarded-for'], request.socket.remotePort ?? 0, isProxy)
  }
}
