import type { FastifyInstance } from 'fastify'
import { makeProbeApp } from '../../lib/http-server-guard.ts'
import { METRICS_TYPE } from '../../lib/observe/metrics.ts'

/** What the app tells of its process. */
export type MetricsContext = {
  text: () => Promise<string>
  /** Why requests cannot be served now, in a word; undefined where they can. */
  problem: () => string | undefined
}

/**
 * Metrics and probes of a process, as a function of what it tells; not listening yet. `/health/live` says that the process
 * is not stuck: who restarts it for Redis's sake makes an outage longer. `/health/ready` is 503 while Redis does not serve, and says why.
 */
export function makeMetricsApp({ text, problem }: MetricsContext): FastifyInstance {
  const app = makeProbeApp(['/metrics', '/health/live', '/health/ready'])
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
  app.get('/health/ready', async (_, reply) => {
    const cause = problem()
    if (cause === undefined) return { status: 'Ok' }
    return reply.code(503).send({ status: 'Error', message: 'Redis does not serve', cause })
  })
  return app
}
