import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify'
import { errorBody, guardedServerOptions, guardServer } from '../../lib/http-server-guard.ts'
import type { CheckReport } from './checks.ts'

/** What the health service tells, in Torrust's shape. */
type Report = { status: 'Ok' | 'Error' | 'None'; message: string; details: CheckReport[] }

/**
 * The health service as a function of the checks that it runs; not listening yet. The status is 503 where one of them
 * fails, so that an orchestrator need not read the body. Who asks while checks run gets the answer of those.
 */
export function makeHealthApp(checkAll: () => Promise<CheckReport[]>): FastifyInstance {
  const app = Fastify({
    ...guardedServerOptions,
    frameworkErrors: (_error, _request, reply: FastifyReply) => void refuse(reply, 400, 'the path is malformed'),
  })
  guardServer(app)
  let current: Promise<Report> | undefined
  const report = (): Promise<Report> => {
    current ??= checkAll()
      .then(reportOf)
      .finally(() => {
        current = undefined
      })
    return current
  }
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _body, done) => done(null))
  app.get('/', async () => ({}))
  app.get('/health_check', async (_, reply) => {
    const found = await report()
    return reply.code(found.status === 'Error' ? 503 : 200).send(found)
  })
  for (const url of PATHS) {
    const method = app.supportedMethods.filter((each) => each !== 'GET' && each !== 'HEAD')
    app.route({
      method,
      url,
      handler: (_, reply) => refuse(reply.header('allow', 'GET, HEAD'), 405, 'only GET is answered here'),
    })
  }
  app.setErrorHandler((error: FastifyError, _, reply) => refuse(reply, error.statusCode ?? 500, error.message))
  app.setNotFoundHandler((_, reply) => refuse(reply, 404, 'not here: try /health_check'))
  return app
}

const PATHS = ['/', '/health_check']

const CODES: Record<number, string> = { 404: 'not_found', 405: 'method_not_allowed', 500: 'internal_error' }

const refuse = (reply: FastifyReply, status: number, message: string) =>
  reply.code(status).send(errorBody(CODES[status] ?? 'bad_request', message))

function reportOf(details: CheckReport[]): Report {
  if (details.length === 0) return { status: 'None', message: '', details }
  const isHealthy = details.every(({ result }) => 'Ok' in result)
  return isHealthy
    ? { status: 'Ok', message: '', details }
    : { status: 'Error', message: 'health check failed', details }
}
