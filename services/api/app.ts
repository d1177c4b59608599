import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify'
import Type, { type TSchema } from 'typebox'
import { isRedisReply, messageOf } from '../../lib/errors.ts'
import { guardedServerOptions, guardServer } from '../../lib/http-server-guard.ts'
import { registerAccounts } from './accounts.ts'
import { guard } from './auth.ts'
import type { ApiApp, ApiContext } from './context.ts'
import { BODY_BYTES_MAX, errorBody, toldOf } from './errors.ts'
import { registerAddKey, registerKeys } from './keys.ts'
import { registerMetrics } from './metrics.ts'
import { registerPage } from './page.ts'
import { makeReading } from './reading.ts'
import { refuseOtherPaths } from './routes.ts'
import { registerStats } from './stats.ts'
import { registerTorrent } from './torrent.ts'
import { registerTorrents } from './torrents.ts'
import { registerBans, registerPutBan } from './v2/bans.ts'
import { registerClients, registerPutClient } from './v2/clients.ts'
import { registerDenied, registerPutDenied } from './v2/denied.ts'
import { registerDocs } from './v2/docs.ts'
import { registerV2 } from './v2/register.ts'
import { registerV2Whitelist } from './v2/whitelist.ts'
import { compileValidator } from './validation.ts'
import { registerWhitelist } from './whitelist.ts'

/** As long as a URL can be: a path's part that is too long is for the handler to name, not for the router. */
const PATH_PART_CHARS_MAX = 16 * 1024

/**
 * The REST API as a function of what it reads from; not listening yet. Paths and success shapes are those of the Torrust
 * Tracker's API v1; errors are `{ "error": { "code", "message" } }` with a status of their own.
 */
export function makeApiApp(context: ApiContext): FastifyInstance {
  const app = Fastify({
    ...guardedServerOptions,
    bodyLimit: BODY_BYTES_MAX,
    routerOptions: { maxParamLength: PATH_PART_CHARS_MAX },
    frameworkErrors: (_error, _request, reply: FastifyReply) =>
      void reply.code(400).send(errorBody('bad_request', 'the path is malformed')),
  })
  app.setValidatorCompiler<TSchema>(compileValidator)
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const { statusCode, code, message } = toldOf(error, request)
    // That Redis is away is logged already, once; a stack for each request would drown it.
    if (statusCode === 503) context.log.debug({ reason: message }, 'an API request found Redis away')
    // An error of Redis's carries its command, and that may carry a passkey: only what is told of it is logged.
    else if (isRedisReply(error)) context.log.warn({ problem: messageOf(error) }, 'Redis answers with an error')
    else if (statusCode >= 500) context.log.warn({ err: error }, 'an API request failed')
    return reply.code(statusCode).send(errorBody(code, message))
  })
  guardServer(app)
  refuseOtherPaths(app)
  registerDocs(app)
  registerPage(app)
  // In a plugin of its own, so that the docs, a plugin before it, have it.
  app.register((open, _options, done) => {
    const schema = { summary: 'Whether the API is well', security: [], response: { 200: Status, 503: Status } }
    open.get('/api/health_check', { schema }, async (_, reply) => {
      const isHealthy = context.isHealthy()
      return reply.code(isHealthy ? 200 : 503).send({ status: isHealthy ? 'Ok' : 'Error' })
    })
    done()
  })
  app.register((guarded, _options, done) => {
    guard(guarded, context)
    guarded.register((inner, _, ready) => {
      registerReads(unreadBodies(inner), context)
      ready()
    })
    guarded.register((inner, _, ready) => {
      const app = jsonBodies(inner)
      registerAddKey(app, context)
      registerPutBan(app, context)
      registerPutDenied(app, context)
      registerPutClient(app, context)
      ready()
    })
    done()
  })
  return app
}

const Status = Type.Object({ status: Type.String() })

/** All that is asked by a URL alone. */
function registerReads(app: ApiApp, context: ApiContext): void {
  const read = makeReading(context)
  registerStats(app, read)
  registerMetrics(app, read)
  registerTorrent(app, context)
  registerTorrents(app, context)
  registerWhitelist(app, context)
  registerKeys(app, context)
  registerAccounts(app, context)
  const { reader, nowMs, nowS } = context
  registerV2(app, { ...context.v2, reader, read, nowMs, nowS })
  registerV2Whitelist(app, context)
  registerBans(app, context)
  registerDenied(app, context)
  registerClients(app, context)
}

/** Nothing here has a body: whatever comes with a request is left unread, not judged. */
function unreadBodies(app: FastifyInstance): ApiApp {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _body, done) => done(null))
  return app.withTypeProvider<TypeBoxTypeProvider>()
}

function jsonBodies(app: FastifyInstance): ApiApp {
  app.removeContentTypeParser('text/plain')
  return app.withTypeProvider<TypeBoxTypeProvider>()
}
