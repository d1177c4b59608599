import Type from 'typebox'
import { banEntry } from '../../../lib/store/bans.ts'
import { type Network, networkText, parseNetwork } from '../../../lib/wire/network.ts'
import { networksOf } from '../../../lib/wire/network-table.ts'
import type { ApiApp, ApiContext } from '../context.ts'
import { DONE, Done } from '../done.ts'
import { ApiError, badField, conflictOf, ERROR_REPLIES } from '../errors.ts'
import { LIMIT_DEFAULT, Limit, Next } from './schemas.ts'
import { UNTIL_FIELDS, Until, untilBody, untilOf } from './until.ts'

const NetworkText = Type.String({
  description: 'An address or a network: `192.0.2.1`, `192.0.2.0/24`, `2001:db8::/32`.',
})

/** `GET /api/v2/bans`, and `DELETE /api/v2/bans/:network`, in which the slash is `%2F`. */
export function registerBans(app: ApiApp, { bans }: Pick<ApiContext, 'bans'>): void {
  const listSchema = {
    summary: 'The banned addresses and networks, in order, those of IPv4 first',
    querystring: Type.Object({ after: Type.Optional(NetworkText), limit: Limit }),
    response: {
      200: Type.Object({
        bans: Type.Array(Type.Object({ network: NetworkText, until: Until })),
        total: Type.Integer({ minimum: 0 }),
        next: Next('after'),
      }),
      ...ERROR_REPLIES,
    },
  }
  app.get('/api/v2/bans', { schema: listSchema }, async ({ query: { after, limit = LIMIT_DEFAULT } }) => {
    const rows = await bans.read()
    // One more than asked for tells whether there is a page after this one.
    const found = [...networksOf(rows, after === undefined ? undefined : readNetwork('after', after)).take(limit + 1)]
    const page = found
      .slice(0, limit)
      .map(({ network, value }) => ({ network: networkText(network), until: untilBody(value) }))
    const next = found.length > limit ? (page.at(-1)?.network ?? null) : null
    return { bans: page, total: rows.ipv4.length + rows.ipv6.length, next }
  })

  const removeSchema = {
    summary: 'End a ban',
    params: Type.Object({ network: NetworkText }),
    response: { 200: Done, ...ERROR_REPLIES },
  }
  app.delete('/api/v2/bans/:network', { schema: removeSchema }, async ({ params }) => {
    const [was] = await bans.remove([networkText(readNetwork('network', params.network))])
    if (!was) throw new ApiError(404, 'not_found', 'not banned')
    return DONE
  })
}

/** `POST /api/v2/bans`: bans an address or a network, or changes until when. */
export function registerPutBan(app: ApiApp, { bans, nowS }: Pick<ApiContext, 'bans' | 'nowS'>): void {
  const schema = {
    summary: 'Ban an address or a network, or change until when',
    body: Type.Object({ network: NetworkText, ...UNTIL_FIELDS }, { additionalProperties: false }),
    response: { 200: Type.Object({ network: NetworkText, until: Until, is_new: Type.Boolean() }), ...ERROR_REPLIES },
  }
  app.post('/api/v2/bans', { schema }, async ({ body }) => {
    const network = readNetwork('network', body.network)
    const untilS = untilOf(body, nowS())
    const [outcome] = await bans.put([banEntry({ network, untilS })]).catch(conflictOf)
    return { network: networkText(network), until: untilS ?? null, is_new: outcome === 'new' }
  })
}

function readNetwork(name: string, text: string): Network {
  const network = parseNetwork(text)
  if (network) return network
  throw badField(name, 'an address or a network, like 192.0.2.1 or 192.0.2.0/24', text)
}
