import Type from 'typebox'
import { deniedEntry, isStillDenied } from '../../../lib/store/denied.ts'
import { INFO_HASH_BYTES } from '../../../lib/wire/info-hash.ts'
import { bytesOfRow, rowAfter } from '../../../lib/wire/prefix-rows.ts'
import type { ApiApp, ApiContext } from '../context.ts'
import { DONE, Done } from '../done.ts'
import { ApiError, conflictOf, ERROR_REPLIES } from '../errors.ts'
import { infoHashOf } from '../info-hash.ts'
import { AfterHash, InfoHashText, LIMIT_DEFAULT, Limit, Next, TorrentPath } from './schemas.ts'
import { UNTIL_FIELDS, Until, untilBody, untilOf } from './until.ts'

/** `GET /api/v2/denied`, and `GET` and `DELETE /api/v2/denied/:info_hash`. */
export function registerDenied(app: ApiApp, { denied, nowS }: Pick<ApiContext, 'denied' | 'nowS'>): void {
  const listSchema = {
    summary: 'The torrents that are not served, in the order of their info hashes',
    querystring: Type.Object({ after: AfterHash, limit: Limit }),
    response: {
      200: Type.Object({
        denied: Type.Array(Type.Object({ info_hash: InfoHashText, until: Until })),
        total: Type.Integer({ minimum: 0 }),
        next: Next('after'),
      }),
      ...ERROR_REPLIES,
    },
  }
  app.get('/api/v2/denied', { schema: listSchema }, async ({ query: { after, limit = LIMIT_DEFAULT } }) => {
    const rows = await denied.read()
    const from = after === undefined ? 0 : rowAfter(rows, infoHashOf(after), 8 * INFO_HASH_BYTES)
    const page = Array.from({ length: Math.min(limit, rows.length - from) }, (_, i) => ({
      info_hash: bytesOfRow(rows, from + i).toString('hex'),
      until: untilBody(rows.values[from + i] as number),
    }))
    const next = rows.length > from + limit ? (page.at(-1)?.info_hash ?? null) : null
    return { denied: page, total: rows.length, next }
  })

  const oneSchema = {
    summary: 'Whether a torrent is denied',
    params: TorrentPath,
    response: { 200: Type.Object({ info_hash: InfoHashText, is_denied: Type.Boolean() }), ...ERROR_REPLIES },
  }
  app.get('/api/v2/denied/:info_hash', { schema: oneSchema }, async ({ params }) => {
    const hex = infoHashOf(params.info_hash).toString('hex')
    const [until] = await denied.find([hex])
    return { info_hash: hex, is_denied: isStillDenied(until, nowS()) }
  })

  const removeSchema = {
    summary: 'Serve a torrent again',
    params: TorrentPath,
    response: { 200: Done, ...ERROR_REPLIES },
  }
  app.delete('/api/v2/denied/:info_hash', { schema: removeSchema }, async ({ params }) => {
    const [was] = await denied.remove([infoHashOf(params.info_hash).toString('hex')])
    if (!was) throw new ApiError(404, 'not_found', 'not denied')
    return DONE
  })
}

/** `POST /api/v2/denied`: denies a torrent, or changes until when. */
export function registerPutDenied(app: ApiApp, { denied, nowS }: Pick<ApiContext, 'denied' | 'nowS'>): void {
  const schema = {
    summary: 'Deny a torrent, or change until when',
    body: Type.Object({ info_hash: Type.String(), ...UNTIL_FIELDS }, { additionalProperties: false }),
    response: { 200: Type.Object({ info_hash: InfoHashText, until: Until, is_new: Type.Boolean() }), ...ERROR_REPLIES },
  }
  app.post('/api/v2/denied', { schema }, async ({ body }) => {
    const infoHash = infoHashOf(body.info_hash)
    const untilS = untilOf(body, nowS())
    const [outcome] = await denied.put([deniedEntry({ infoHash, untilS })]).catch(conflictOf)
    return { info_hash: infoHash.toString('hex'), until: untilS ?? null, is_new: outcome === 'new' }
  })
}
