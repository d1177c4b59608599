import Type from 'typebox'
import { ORDERS, type Order, type RankPlace } from '../../../lib/store/ranked.ts'
import { RANKED_BY, type RankedBy } from '../../../lib/store/ranks.ts'
import type { ApiApp } from '../context.ts'
import { badField, ERROR_REPLIES } from '../errors.ts'
import type { V2Context } from './context.ts'
import { LIMIT_DEFAULT, Limit, Next, Nullable, Torrent, torrentBody } from './schemas.ts'

const By = Type.Union(
  RANKED_BY.map((by) => Type.Literal(by)),
  { default: 'seeders' },
)
const InOrder = Type.Union(
  ORDERS.map((order) => Type.Literal(order)),
  { default: 'desc' },
)
const RankedTorrent = Type.Object({
  ...Torrent.properties,
  ranked_count: Type.Integer({ description: 'The count that it is ranked by; the other counts are those of now.' }),
})
const RankedReply = Type.Object({
  made_at: Nullable(Type.Integer({ description: 'When the ranking was made; milliseconds since the epoch.' })),
  age_s: Nullable(Type.Integer({ description: 'How old it is, in seconds.' })),
  total: Type.Integer({ description: 'Torrents in the ranking.' }),
  torrents: Type.Array(RankedTorrent),
  next: Next('cursor'),
})

/** `GET /api/v2/torrents/ranked`. */
export function registerRanked(app: ApiApp, { ranked, nowMs }: V2Context): void {
  const schema = {
    summary: 'The best torrents by one of their counts',
    description:
      'The rankings are made anew every 5 minutes, of the 10,000 best torrents each. A cursor goes on in the ranking that it came from until the second that is made after it; from then on, at the same count in the newest one.',
    querystring: Type.Object({
      by: Type.Optional(By),
      order: Type.Optional(InOrder),
      cursor: Type.Optional(Type.String({ description: '`next` of the page before.' })),
      limit: Limit,
    }),
    response: { 200: RankedReply, ...ERROR_REPLIES },
  }
  app.get('/api/v2/torrents/ranked', { schema }, async ({ query }) => {
    const { by = 'seeders', order = 'desc', limit = LIMIT_DEFAULT, cursor } = query
    const after = cursor === undefined ? undefined : readCursor(cursor, by, order)
    const { madeMs, total, torrents, next } = await ranked({ by, order, limit, after })
    return {
      made_at: madeMs ?? null,
      age_s: madeMs === undefined ? null : Math.max(0, Math.round((nowMs() - madeMs) / 1000)),
      total,
      torrents: torrents.map((torrent) => ({ ...torrentBody(torrent), ranked_count: torrent.ranked })),
      next: next ? `${by}.${order}.${next.id}.${next.count}.${next.hex}` : null,
    }
  })
}

const CURSOR = /^([a-z]+)\.([a-z]+)\.(\d{1,15})\.(\d{1,10})\.([0-9a-f]{40})$/

function readCursor(text: string, by: RankedBy, order: Order): RankPlace {
  const [, itsBy, itsOrder, id, count, hex = ''] = CURSOR.exec(text) ?? []
  if (itsBy !== by || itsOrder !== order) throw badField('cursor', `\`next\` of a page by ${by}, ${order}`, text)
  return { id: Number(id), count: Number(count), hex }
}
