import fastifySwagger from '@fastify/swagger'
import fastifySwaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { cut, errorBody } from '../errors.ts'

/** The page and all that it loads are of this server; the browser asks nobody else, whatever its scripts name. */
const CONTENT_SECURITY_POLICY = {
  'default-src': "'none'",
  'script-src': "'self'",
  'style-src': "'self'",
  'img-src': ["'self'", 'data:'],
  'font-src': "'self'",
  'connect-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
}

/** Under which heading the page shows a path. */
const tagOf = (url: string): string => /^\/api\/(v\d)/.exec(url)?.[1] ?? 'health'

/**
 * `GET /api/openapi.json`, made of the routes' schemas, and `GET /api/docs`, which shows it to people. To be registered
 * before the routes; routes that are defined in a plugin are in it.
 */
export function registerDocs(app: FastifyInstance): void {
  app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Redswarm',
        version: '2',
        description: 'The REST API of the Redswarm tracker: v1, as the Torrust Tracker has it, and v2.',
      },
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer' },
          token: { type: 'apiKey', in: 'query', name: 'token' },
        },
      },
      security: [{ bearer: [] }, { token: [] }],
    },
    transform: ({ schema, url }) => ({ schema: { ...schema, tags: [tagOf(url)] }, url }),
  })
  app.register(fastifySwaggerUi, {
    routePrefix: '/api/docs',
    staticCSP: CONTENT_SECURITY_POLICY as never,
    // Without it, the page would ask a validator on the Internet.
    uiConfig: { validatorUrl: 'none', layout: 'BaseLayout' },
    theme: { title: 'Redswarm API' },
  })
  // What the page has no file for; other paths that lead nowhere are refused before.
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send(errorBody('not_found', `there is no ${request.method} ${cut(request.url)}`)),
  )
  app.register((inner, _options, done) => {
    inner.get('/api/openapi.json', { schema: { hide: true } }, async () => app.swagger())
    done()
  })
}
