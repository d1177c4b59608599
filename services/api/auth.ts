import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ApiToken } from '../../lib/config/tokens.ts'
import type { ApiContext } from './context.ts'
import { ApiError } from './errors.ts'

const NO_TOKEN = 'a token is needed: ?token=… or Authorization: Bearer …'
const MANY_TOKENS = 'token must be given once'
const READS = ['GET', 'HEAD']

/** Lets only those through who have a token, and of those who may only read, only what reads. Tokens' names are logged. */
export function guard(app: FastifyInstance, { tokens, log }: Pick<ApiContext, 'tokens' | 'log'>): void {
  const holderOf = makeTokenCheck(tokens)
  app.decorateRequest('holder', undefined)
  app.addHook('onRequest', (request, _reply, done) => {
    const given = tokenOf(request)
    if (given === undefined) return done(new ApiError(401, 'unauthorized', NO_TOKEN))
    if (typeof given !== 'string') return done(new ApiError(401, 'unauthorized', MANY_TOKENS))
    const holder = holderOf(given)
    if (!holder) return done(new ApiError(401, 'unauthorized', 'the token is not valid'))
    request.holder = holder
    const { url: route, config } = request.routeOptions
    // Of the route its pattern: what is in its place may be a passkey.
    log.debug({ by: holder.name, method: request.method, route }, 'an API request')
    const isAllowed = holder.isAdmin || (READS.includes(request.method) && !config.isSecret)
    done(isAllowed ? undefined : new ApiError(403, 'forbidden', `the token ${holder.name} may only read`))
  })
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
