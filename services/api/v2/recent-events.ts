import Type, { type Static } from 'typebox'
import { isEventId, type TorrentEvent } from '../../../lib/store/events.ts'
import type { ApiApp } from '../context.ts'
import { badField, ERROR_REPLIES } from '../errors.ts'
import type { V2Context } from './context.ts'
import { eventsOff } from './events.ts'
import { InfoHashText, LIMIT_DEFAULT, Limit, Next } from './schemas.ts'

/** Something that happened to a torrent. */
export const EventItem = Type.Object({
  id: Type.String({ description: 'As `GET /api/v2/events` takes it.' }),
  event: Type.Union([Type.Literal('added'), Type.Literal('completed'), Type.Literal('evicted')]),
  info_hash: InfoHashText,
  at: Type.Integer({ description: 'Seconds since the epoch.' }),
})

/** It as it is answered. */
export const eventBody = ({ id, kind, hex, atMs }: TorrentEvent): Static<typeof EventItem> => ({
  ...{ id, event: kind, info_hash: hex, at: Math.floor(atMs / 1000) },
})

/** `GET /api/v2/events/recent`: what happened last, the newest first. */
export function registerRecentEvents(app: ApiApp, { events, eventsBefore }: V2Context): void {
  const schema = {
    summary: 'What happened to torrents last, the newest first',
    querystring: Type.Object({
      before: Type.Optional(Type.String({ description: '`next` of the page before.' })),
      limit: Limit,
    }),
    response: { 200: Type.Object({ events: Type.Array(EventItem), next: Next('before') }), ...ERROR_REPLIES },
  }
  app.get('/api/v2/events/recent', { schema }, async ({ query: { before, limit = LIMIT_DEFAULT } }) => {
    if (!events) throw eventsOff()
    if (before !== undefined && !isEventId(before)) throw badField('before', '`next` of the page before', before)
    const page = await eventsBefore({ before, limit })
    return { events: page.events.map(eventBody), next: page.next ?? null }
  })
}
