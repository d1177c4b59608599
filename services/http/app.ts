import { BlockList, isIP } from 'node:net'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { answerBrokenIn, requestLimits } from '../../lib/http-server-guard.ts'
import { addressText, type Endpoint, isIpv6, toEndpoint } from '../../lib/wire/endpoint.ts'
import { writeFailure } from '../../lib/wire/http-reply.ts'
import { parseQuery, type Query } from '../../lib/wire/query.ts'

/** Longest URL that is read: a scrape of 100 escaped info hashes has 7,100 bytes. */
const URL_BYTES_MAX = 8000
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
export function makeHttpApp(handlers: HttpHandlers, trustedProxies: readonly string[]): FastifyInstance {
  const app = Fastify({
    ...requestLimits,
    keepAliveTimeout: KEEP_ALIVE_MS,
    exposeHeadRoutes: false,
    clientErrorHandler: answerBrokenIn('text/plain', (_code, message) => `${message}\n`),
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
  const sourceOf = makeSourceFinder(trustedProxies)
  const answer = (handle: HttpHandlers['announce']) => async (request: FastifyRequest, reply: FastifyReply) => {
    const url = request.raw.url ?? ''
    if (url.length > URL_BYTES_MAX)
      return reply.code(414).type('text/plain').send(writeFailure('the request is too long'))
    const question = url.indexOf('?')
    const { passkey = '' } = request.params as { passkey?: string }
    send(reply, await handle(parseQuery(question < 0 ? '' : url.slice(question + 1)), sourceOf(request), passkey))
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

/**
 * Finds where a client is: its connection's address or, behind a trusted proxy, the right-most address of
 * X-Forwarded-For that is no trusted proxy. A proxy that does not say gives none: its own address is no peer's.
 */
function makeSourceFinder(trustedProxies: readonly string[]): (request: FastifyRequest) => Endpoint | undefined {
  const proxies = new BlockList()
  for (const proxy of trustedProxies) {
    const [address = '', bits] = proxy.split('/')
    if (bits === undefined) proxies.addAddress(address, familyOf(address))
    else proxies.addSubnet(address, Number(bits), familyOf(address))
  }
  // Compared as the addresses that they are read as: a zone (`%br_0`) that Node does not know must not hide a proxy.
  const isProxy = (hop: Endpoint | undefined): boolean =>
    hop !== undefined && proxies.check(addressText(hop), isIpv6(hop) ? 'ipv6' : 'ipv4')
  // Most trackers have no proxy before them, and a look into an empty list costs a microsecond, too.
  if (trustedProxies.length === 0) return ({ socket }) => toEndpoint(socket.remoteAddress ?? '', socket.remotePort ?? 0)
  return ({ socket, headers }) => {
    const { remoteAddress = '', remotePort = 0 } = socket
    const sender = toEndpoint(remoteAddress, remotePort)
    if (!isProxy(sender)) return sender
    const hops = String(headers['x-forwarded-for'] ?? '').split(',')
    return hops.map((hop) => toEndpoint(hop.trim(), remotePort)).findLast((hop) => !isProxy(hop))
  }
}

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4')
