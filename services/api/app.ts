import { createHash, timingSafeEqual } from 'node:crypto'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { isRedisReply, messageOf } from '../../lib/errors.ts'
import { type ApiContext, ApiError } from './context.ts'
import { registerStats } from './stats.ts'
import { registerTorrent } from './torrent.ts'

const BODY_BYTES_MAX = 64 * 1024
/** As long as a URL can be: a path's part that is too long is for the handler to name, not for the router. */
const PATH_PART_CHARS_MAX = 16 * 1024

/**
 * The REST API as a function of what it reads from; not listening yet. Paths and success shapes are those of the Torrust
 * Tracker's API v1; errors are `{ "error": { "code", "message" } }` with a status of their own.
 */
export function makeApiApp(context: ApiContext): FastifyInstance {
  const app = Fastify({
    bodyLimit: BODY_BYTES_MAX,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: PATH_PART_CHARS_MAX },
    frameworkErrors: (_error, _request, reply: FastifyReply) =>
      void reply.code(400).send(errorBody('bad_request', 'the path is malformed')),
  }).withTypeProvider<TypeBoxTypeProvider>()
  app.setErrorHandler((error: FastifyError, _request, reply) => {
    const { statusCode, code, message } = toldOf(error)
    // That Redis is away is logged already, once; a stack for each request would drown it.
    if (statusCode === 503) context.log.debug({ reason: message }, 'an API request found Redis away')
    else if (statusCode >= 500) context.log.warn({ err: error }, 'an API request failed')
    return reply.code(statusCode).send(errorBody(code, message))
  })
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send(errorBody('not_found', `there is no ${request.method} ${request.url.split('?')[0]}`)),
  )
  app.get('/api/health_check', async (_, reply) => {
    const isHealthy = context.isHealthy()
    return reply.code(isHealthy ? 200 : 503).send({ status: isHealthy ? 'Ok' : 'Error' })
  })
  app.register((guarded, _options, done) => {
    const isToken = makeTokenCheck(context.token)
    guarded.addHook('onRequest', (request, _reply, done) => {
      const given = tokenOf(request)
      if (given === undefined) done(new ApiError(401, 'unauthorized', NO_TOKEN))
      else if (isToken(given)) done()
      else done(new ApiError(401, 'unauthorized', 'the token is not valid'))
    })
    registerStats(guarded.withTypeProvider<TypeBoxTypeProvider>(), context)
    registerTorrent(guarded.withTypeProvider<TypeBoxTypeProvider>(), context)
    done()
  })
  return app as unknown as FastifyInstance
}

const NO_TOKEN = 'a token is needed: ?token=… or Authorization: Bearer …'

const errorBody = (code: string, message: string) => ({ error: { code, message } })

/** What the caller is told of an error. */
function toldOf(error: FastifyError & RedisError): ApiError {
  const { statusCode = 500, code, message } = error
  if (error instanceof ApiError) return error
  if (statusCode < 500) return new ApiError(statusCode, code, message)
  if (isAway(error)) return new ApiError(503, 'store_unavailable', AWAY)
  if (!isRedisReply(error)) return new ApiError(500, 'internal_error', 'the tracker has failed; its log says why')
  return new ApiError(500, 'store_error', `Redis answers with an error: ${messageOf(error)}`)
}

const AWAY = 'the tracker cannot reach its Redis; try again later'

/** What the Redis client's errors may have beside a message. */
type RedisError = { syscall?: string }

/** Whether Redis did not answer. Most of what its client then throws has no class and no code of its own. */
const isAway = ({ name, message, syscall }: FastifyError & RedisError): boolean =>
  syscall !== undefined ||
  ['MaxRetriesPerRequestError', 'AbortError'].includes(name) ||
  /^(Command timed out|Connection is closed|Stream isn't writeable|connect ETIMEDOUT|Socket timeout)/.test(message)

/** The token of a request; a header counts before the query. */
function tokenOf(request: FastifyRequest): string | undefined {
  const header = /^Bearer +(.+)$/i.exec(request.headers.authorization ?? '')?.[1]
  if (header !== undefined) return header
  const { token } = request.query as { token?: string | string[] }
  return typeof token === 'string' && token !== '' ? token : undefined
}

/** Compares in constant time, whatever the lengths. */
function makeTokenCheck(token: string): (given: string) => boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  const expected = digest(token)
  return (given) => timingSafeEqual(digest(given), expected)
}
