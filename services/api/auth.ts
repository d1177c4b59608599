import { createHash, timingSafeEqual } from 'node:crypto'
import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ApiToken } from '../../lib/config/tokens.ts'
import { toEndpoint } from '../../lib/wire/endpoint.ts'
import { forwardedFor } from '../../lib/wire/forwarded-for.ts'
import { type ApiClient, ATTEMPT_EVERY_S } from './attempts.ts'
import type { ApiContext } from './context.ts'
import { ApiError } from './errors.ts'

const NO_TOKEN = 'a token is needed: ?token=… or Authorization: Bearer …'
const MANY_TOKENS = 'token must be given once'
const TOO_MANY = 'too many tokens from your address were not valid: try again later'
const READS = ['GET', 'HEAD']

/**
 * Lets only those through who have a token, and of those who may only read, only what reads. Tokens' names are logged.
 *
 * An address that sent too many wrong tokens is refused, whatever it sends: were a right one let through, guesses could be
 * told by it. But who has come with a token by a connection is let through with the same one by the same connection, for
 * nobody else is on it: guesses from behind the same address do not shut a dashboard that is open.
 */
export function guard(
  app: FastifyInstance,
  context: Pick<ApiContext, 'tokens' | 'attempts' | 'isProxy' | 'log'>,
): void {
  const { attempts, log } = context
  const holderOf = makeTokenCheck(context.tokens)
  const clientOf = makeClientFinder(context.isProxy)
  const holders = new WeakMap<Socket, ApiToken>()
  app.decorateRequest('holder', undefined)
  app.addHook('onRequest', (request, reply, done) => {
    const given = tokenOf(request)
    if (given === undefined) return done(new ApiError(401, 'unauthorized', NO_TOKEN))
    if (typeof given !== 'string') return done(new ApiError(401, 'unauthorized', MANY_TOKENS))
    const holder = holderOf(given)
    const { socket } = request
    // Of the route its pattern: what is in its place may be a passkey.
    const { url: route = '', config } = request.routeOptions
    const client = clientOf(request)
    const areTooMany = client !== undefined && attempts.areTooMany(client)
    if (client && !holder) attempts.count(client, route)
    if (areTooMany && (!holder || holders.get(socket) !== holder)) {
      reply.header('retry-after', ATTEMPT_EVERY_S)
      return done(new ApiError(429, 'too_many_attempts', TOO_MANY))
    }
    if (!holder) return done(new ApiError(401, 'unauthorized', 'the token is not valid'))
    if (client?.isDirect) holders.set(socket, holder)
    request.holder = holder
    log.debug({ by: holder.name, method: request.method, route }, 'an API request')
    const isAllowed = holder.isAdmin || (READS.includes(request.method) && !config.isSecret)
    done(isAllowed ? undefined : new ApiError(403, 'forbidden', `the token ${holder.name} may only read`))
  })
}

/** Finds where a client is; undefined where it has gone. A trusted proxy that does not say for whom it asks is a client itself. */
function makeClientFinder(isProxy: ApiContext['isProxy']) {
  return ({ headers, socket }: FastifyRequest): ApiClient | undefined => {
    const { remoteAddress = '', remotePort = 0 } = socket
    const sender = toEndpoint(remoteAddress, remotePort)
    const header = headers['x-forwarded-for']
    if (!sender) return undefined
    if (!isProxy(sender)) return { source: sender, isDirect: header === undefined }
    return { source: forwardedFor(header, remotePort, isProxy) ?? sender, isDirect: false }
  }
}

/** The token of a request, or all that it has by mistake; a header counts before the query. */
function tokenOf(request: FastifyRequest): string | string[] | undefined {
  const header = /^Bearer +(.+)$/i.exec(request.headers.authorization ?? '')?.[1]
  if (header !== undefined) return header
  const { token } = request.query as { token?: string | string[] }
  return token === '' ? undefined : token
}

/** Finds whose a token is; compares with all in constant time, whatever their lengths and whichever it is. */
function makeTokenCheck(tokens: readonly ApiToken[]): (given: string) => ApiToken | undefined {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  const expected = tokens.map(({ token }) => digest(token))
  return (given) => {
    const found = digest(given)
    const matches = expected.map((each) => timingSafeEqual(found, each))
    return tokens[matches.indexOf(true)]
  }
}
