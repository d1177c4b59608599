import Type from 'typebox'
import { rulesOf } from '../../../lib/store/clients.ts'
import { ruleOfOthers } from '../../../lib/swarm/clients.ts'
import { parsePeerIdPrefix, peerIdPrefixText } from '../../../lib/wire/peer-id-prefix.ts'
import type { ApiApp, ApiContext } from '../context.ts'
import { DONE, Done } from '../done.ts'
import { ApiError, badField, conflictOf, ERROR_REPLIES } from '../errors.ts'

const Prefix = Type.String({
  description: 'What a peer id begins with: 1 to 20 characters like `-XL0012-`, other bytes as `\\x00`.',
})
const Rule = Type.Union([Type.Literal('allow'), Type.Literal('deny')])
const Client = Type.Object({ prefix: Prefix, rule: Rule })

/** `GET /api/v2/clients` and `DELETE /api/v2/clients/:prefix`. */
export function registerClients(app: ApiApp, { clients }: Pick<ApiContext, 'clients'>): void {
  const listSchema = {
    summary: 'Which clients are served or not, by what their peer ids begin with',
    response: {
      200: Type.Object({ clients: Type.Array(Client), others: Rule }),
      ...ERROR_REPLIES,
    },
  }
  app.get('/api/v2/clients', { schema: listSchema }, async () => {
    const rules = rulesOf(await clients.read()).map(([prefix, rule]) => ({ prefix, rule }))
    return { clients: rules, others: ruleOfOthers(rules.map(({ rule }) => rule)) }
  })

  const removeSchema = {
    summary: 'Take a client off the list',
    params: Type.Object({ prefix: Prefix }),
    response: { 200: Done, ...ERROR_REPLIES },
  }
  app.delete('/api/v2/clients/:prefix', { schema: removeSchema }, async ({ params }) => {
    const [was] = await clients.remove([readPrefix(params.prefix)])
    if (!was) throw new ApiError(404, 'not_found', 'not on the list')
    return DONE
  })
}

/** `POST /api/v2/clients`: allows or denies clients. */
export function registerPutClient(app: ApiApp, { clients }: Pick<ApiContext, 'clients'>): void {
  const schema = {
    summary: 'Allow or deny clients',
    body: Type.Object({ prefix: Prefix, rule: Rule }, { additionalProperties: false }),
    response: { 200: Type.Object({ prefix: Prefix, rule: Rule, is_new: Type.Boolean() }), ...ERROR_REPLIES },
  }
  app.post('/api/v2/clients', { schema }, async ({ body: { prefix: text, rule } }) => {
    const prefix = readPrefix(text)
    const [outcome] = await clients.put([[prefix, rule]]).catch(conflictOf)
    return { prefix, rule, is_new: outcome === 'new' }
  })
}

function readPrefix(text: string): string {
  const prefix = parsePeerIdPrefix(text)
  if (prefix) return peerIdPrefixText(prefix)
  throw badField('prefix', String.raw`1 to 20 characters like -XL0012-, other bytes as \x00`, text)
}
