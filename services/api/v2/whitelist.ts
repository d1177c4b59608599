import Type from 'typebox'
import type { ApiApp, ApiContext } from '../context.ts'
import { ERROR_REPLIES } from '../errors.ts'
import { infoHashOf } from '../info-hash.ts'
import { AfterHash, InfoHashText, LIMIT_DEFAULT, Limit, Next, TorrentPath } from './schemas.ts'

/** `GET /api/v2/whitelist` and `GET /api/v2/whitelist/:info_hash`. */
export function registerV2Whitelist(app: ApiApp, { whitelist }: Pick<ApiContext, 'whitelist'>): void {
  const listSchema = {
    summary: 'The listed torrents, in the order of their info hashes',
    querystring: Type.Object({
      after: AfterHash,
      limit: Limit,
    }),
    response: { 200: Type.Object({ info_hashes: Type.Array(InfoHashText), next: Next('after') }), ...ERROR_REPLIES },
  }
  app.get('/api/v2/whitelist', { schema: listSchema }, async ({ query: { after = '', limit = LIMIT_DEFAULT } }) => {
    // One more than asked for tells whether there is a page after this one.
    const found = await whitelist.after({ hex: after.toLowerCase(), limit: limit + 1 })
    const page = found.slice(0, limit)
    return { info_hashes: page, next: found.length > limit ? (page.at(-1) ?? null) : null }
  })

  const oneSchema = {
    summary: 'Whether a torrent is listed',
    params: TorrentPath,
    response: { 200: Type.Object({ info_hash: InfoHashText, is_listed: Type.Boolean() }), ...ERROR_REPLIES },
  }
  app.get('/api/v2/whitelist/:info_hash', { schema: oneSchema }, async ({ params }) => {
    const infoHash = infoHashOf(params.info_hash)
    return { info_hash: infoHash.toString('hex'), is_listed: await whitelist.has(infoHash) }
  })
}
