import type { FastifyInstance } from 'fastify'
import { ApiError, cut } from './errors.ts'

/** Answers what no route is for: 405 with the methods that there are where the path is one of ours, else 404. */
export function refuseOtherPaths(app: FastifyInstance): void {
  const known = new Map<string, { pattern: RegExp; methods: Set<string> }>()
  app.addHook('onRoute', ({ method, url }) => {
    const route = known.get(url) ?? { pattern: patternOf(url), methods: new Set() }
    for (const each of [method].flat()) route.methods.add(each)
    known.set(url, route)
  })
  // Before any body is looked at: whatever comes with a request for nothing is left unread.
  app.addHook('onRequest', (request, reply, done) => {
    if (!request.is404) return done()
    const path = request.url.split('?')[0] ?? ''
    const methods = [...known.values()].flatMap((route) => (route.pattern.test(path) ? [...route.methods] : []))
    const allowed = [...new Set(methods)].sort().join(', ')
    if (allowed === '') return done(new ApiError(404, 'not_found', `there is no ${request.method} ${cut(path)}`))
    reply.header('allow', allowed)
    done(new ApiError(405, 'method_not_allowed', `${cut(path)} takes ${allowed}, not ${request.method}`))
  })
}

/** What paths a route is for: `:name` is one part, `*` all the rest. */
const patternOf = (url: string): RegExp =>
  new RegExp(
    `^${url
      .replace(/[.+?^${}()|[\]\\]/g, String.raw`\$&`)
      .replace('*', '.*')
      .replace(/:[^/]+/g, '[^/]*')}$`,
  )
