import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify'
import { errorBody, guardedServerOptions, guardServer } from '../../lib/http-server-guard.ts'
import { METRICS_TYPE } from '../../lib/observe/metrics.ts'

/** What the app tells of its process. */
export type MetricsContext = {
  text: () => Promise<string>
  /** Whether requests can be served now: Redis answers. */
  isReady: () => boolean
}

/**
 * Metrics and probes of a process, as a function of what it tells; not listening yet. `/health/live` says that the process
 * is not stuck: who restarts it for Redis's sake makes an outage longer. `/health/ready` is 503 while Redis is away.
 */
export function makeMetricsApp({ text, isReady }: MetricsContext): FastifyInstance {
  const app = Fastify({
    ...guardedServerOptions,
    frameworkErrors: (_error, _request, reply: FastifyReply) => void refuse(reply, 400, 'the path is malformed'),
  })
  guardServer(app)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _body, done) => done(null))
  // Who asks while metrics are being read gets those: a reading asks Redis.
  let current: Promise<string> | undefined
  const read = (): Promise<string> => {
    current ??= text().finally(() => {
      current = undefined
    })
    return current
  }
  app.get('/metrics', async (_, reply) => reply.type(METRICS_TYPE).send(await read()))
  app.get('/health/live', async () => ({ status: 'Ok' }))
  app.get('/health/ready', async (_, reply) =>
    isReady() ? { status: 'Ok' } : reply.code(503).send({ status: 'Error', message: 'Redis does not answer' }),
  )
  for (const url of PATHS) {
    const method = app.supportedMethods.filter((each) => each !== 'GET' && each !== 'HEAD')
    app.route({
      method,
      url,
      handler: (_, reply) => refuse(reply.header('allow', 'GET, HEAD'), 405, 'only GET is answered here'),
    })
  }
  app.setErrorHandler((error: FastifyError, _, reply) => refuse(reply, error.statusCode ?? 500, error.message))
  app.setNotFoundHandler((_, reply) => refuse(reply, 404, `not here: try ${PATHS.join(', ')}`))
  return app
}

const PATHS = ['/metrics', '/health/live', '/health/ready']

const CODES: Record<number, string> = { 404: 'not_found', 405: 'method_not_allowed', 500: 'internal_error' }

const refuse = (reply: FastifyReply, status: number, message: string) =>
  reply.code(status).send(errorBody(CODES[status] ?? 'bad_request', message))
