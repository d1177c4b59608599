import type { FastifyInstance } from 'fastify'
import { makeProbeApp } from '../../lib/http-server-guard.ts'
import type { CheckReport } from './checks.ts'

/** What the health service tells, in Torrust's shape. */
type Report = { status: 'Ok' | 'Error' | 'None'; message: string; details: CheckReport[] }

/**
 * The health service as a function of the checks that it runs; not listening yet. The status is 503 where one of them
 * fails, so that an orchestrator need not read the body. Who asks while checks run gets the answer of those.
 */
export function makeHealthApp(checkAll: () => Promise<CheckReport[]>): FastifyInstance {
  const app = makeProbeApp(['/', '/health_check'])
  let current: Promise<Report> | undefined
  const report = (): Promise<Report> => {
    current ??= checkAll()
      .then(reportOf)
      .finally(() => {
        current = undefined
      })
    return current
  }
  app.get('/', async () => ({}))
  app.get('/health_check', async (_, reply) => {
    const found = await report()
    return reply.code(found.status === 'Error' ? 503 : 200).send(found)
  })
  return app
}

function reportOf(details: CheckReport[]): Report {
  if (details.length === 0) return { status: 'None', message: '', details }
  const isHealthy = details.every(({ result }) => 'Ok' in result)
  return isHealthy
    ? { status: 'Ok', message: '', details }
    : { status: 'Error', message: 'health check failed', details }
}
