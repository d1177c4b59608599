import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify'

/** How long a client may take to send its request. */
const REQUEST_MS_MAX = 10_000
/** How often that is looked at: Node's own 30 s would add as much to it. */
const LATE_LOOKED_FOR_EVERY_MS = 1000
/** A client that takes nothing of what waits for it for so long is disconnected. */
export const STUCK_MS_MAX = 60_000
/** How long a client that was refused has to take its answer and to close. */
const LINGER_MS = 1000
/**
 * Requests of one connection that are in work at once. Answers to a client that sends on and on, and reads nothing, wait
 * here: without a limit, what fits 64 KiB of requests makes 40 MB of them.
 */
export const IN_WORK_MAX = 16

const JSON_TYPE = 'application/json; charset=utf-8'

/** An error as its body. */
export const errorBody = (code: string, message: string) => ({ error: { code, message } })

type Refusal = [status: number, code: string, message: string]

const NOT_HTTP: Refusal = [400, 'bad_request', 'the request is not HTTP']
const BROKEN: Record<string, Refusal> = {
  HPE_HEADER_OVERFLOW: [431, 'headers_too_large', 'the URL and the headers are too long'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'request_timeout', 'the request took too long to arrive'],
}

/** Options of a Fastify server that waits for a request no longer than it says. */
export const requestLimits = {
  requestTimeout: REQUEST_MS_MAX,
  forceCloseConnections: 'idle',
  // Whoever was let in before a stop is answered.
  return503OnClosing: false,
  http: {
    // Node takes the shorter of the two times for the headers: left at its own 60 s, this one would be the body's.
    headersTimeout: REQUEST_MS_MAX,
    connectionsCheckingInterval: LATE_LOOKED_FOR_EVERY_MS,
    // Node refuses a request without Host by itself, with no body; `guardServer` does it in words.
    requireHostHeader: false,
  },
} as const

/** Options of a Fastify server whose errors are JSON, also of what its router never sees, and whose clients are limited. */
export const guardedServerOptions = {
  ...requestLimits,
  connectionTimeout: STUCK_MS_MAX,
  clientErrorHandler: answerBrokenIn(JSON_TYPE, jsonOf),
} as const

/**
 * What answers that are no page of their own tell browsers: not to keep them, run or show them in another page, take them for
 * another type, or tell anybody their URL, which may have a token. There is no TLS here, and so nothing of HSTS.
 */
const SAFE_HEADERS = new Map([
  ['cache-control', 'no-store'],
  ['content-security-policy', "default-src 'none'; frame-ancestors 'none'"],
  ['cross-origin-resource-policy', 'same-origin'],
  ['referrer-policy', 'no-referrer'],
  ['x-content-type-options', 'nosniff'],
])

/** Refuses what Node would refuse without a word, and requests of a connection that has too many in work. */
export function guardServer(app: FastifyInstance): void {
  const inWork = new WeakMap<Socket, number>()
  // Before all else, so that no stream and no refusal goes without them; a handler's own take their place.
  app.server.prependListener('request', (_request, response: ServerResponse) => response.setHeaders(SAFE_HEADERS))
  // Nothing has to be expected here; RFC 9110 lets a server pass over it.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response))
  app.server.on('connect', (_request: IncomingMessage, socket: Socket) =>
    refuseOn(socket, [405, 'method_not_allowed', 'this is no proxy: CONNECT is not answered'], JSON_TYPE, jsonOf),
  )
  app.addHook('onRequest', (request, reply, done) => {
    const { socket, headers, httpVersion } = request.raw
    const others = inWork.get(socket) ?? 0
    inWork.set(socket, others + 1)
    reply.raw.once('close', () => inWork.set(socket, (inWork.get(socket) ?? 1) - 1))
    if (others >= IN_WORK_MAX) {
      const message = `${IN_WORK_MAX} requests of this connection are in work already`
      return void reply.code(503).send(errorBody('busy', message))
    }
    if (httpVersion === '1.1' && headers.host === undefined)
      return void reply.code(400).send(errorBody('bad_request', 'the header Host is missing'))
    done()
  })
}

/** A refusal as a body. */
type Writer = (code: string, message: string) => string

function jsonOf(code: string, message: string): string {
  return JSON.stringify(errorBody(code, message))
}

/** Answers a request that is no HTTP, or that did not come to its end: there is nothing but a socket to answer on. */
export function answerBrokenIn(contentType: string, write: Writer) {
  return ({ code = '' }: { code?: string }, socket: Socket): void => {
    // In the middle of an answer, another would be read as a part of it.
    if (code === 'ECONNRESET' || !socket.writable || isInAnswer(socket)) return void socket.destroy()
    refuseOn(socket, BROKEN[code] ?? NOT_HTTP, contentType, write)
  }
}

/** As Node itself tells it. */
const isInAnswer = ({ _httpMessage: answer }: Socket & { _httpMessage?: { headersSent: boolean } | null }): boolean =>
  answer?.headersSent === true

function refuseOn(socket: Socket, [status, code, message]: Refusal, contentType: string, write: Writer): void {
  const body = write(code, message)
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: ${contentType}\r\n` +
      `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  )
  // Closed at once, the answer could be lost with what is unread; left to the client, the connection would stay half open.
  setTimeout(() => socket.destroy(), LINGER_MS).unref()
}

/**
 * An app for programs that look whether a process is well, with its paths still to be given their GET: all else is refused,
 * in the one shape of errors, and nothing that comes as a body is read.
 */
export function makeProbeApp(paths: readonly string[]): FastifyInstance {
  const app = Fastify({
    ...guardedServerOptions,
    frameworkErrors: (_error, _request, reply: FastifyReply) => void refuseRequest(reply, 400, 'the path is malformed'),
  })
  guardServer(app)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _body, done) => done(null))
  for (const url of paths) {
    const method = app.supportedMethods.filter((each) => each !== 'GET' && each !== 'HEAD')
    app.route({
      method,
      url,
      handler: (_, reply) => refuseRequest(reply.header('allow', 'GET, HEAD'), 405, 'only GET is answered here'),
    })
  }
  app.setErrorHandler((error: FastifyError, _, reply) => refuseRequest(reply, error.statusCode ?? 500, error.message))
  const tried = paths.filter((path) => path !== '/').join(', ')
  app.setNotFoundHandler((_, reply) => refuseRequest(reply, 404, `not here: try ${tried}`))
  return app
}

const CODES: Record<number, string> = { 404: 'not_found', 405: 'method_not_allowed', 500: 'internal_error' }

const refuseRequest = (reply: FastifyReply, status: number, message: string) =>
  reply.code(status).send(errorBody(CODES[status] ?? 'bad_request', message))
