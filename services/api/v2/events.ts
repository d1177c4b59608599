import type { FastifyRequest } from 'fastify'
import Type from 'typebox'
import { type EventFeed, isEventId } from '../../../lib/store/events.ts'
import type { ApiApp } from '../context.ts'
import { ApiError, badField, ERROR_REPLIES } from '../errors.ts'
import type { V2Context } from './context.ts'
import { sendEvents } from './event-stream.ts'
import { dropWhenStuck, endWithApp } from './slots.ts'

/** Readers at once: a slow one costs a quarter of a megabyte. */
export const READERS_MAX = 100

/** `GET /api/v2/events`: what happens to torrents, as server-sent events. */
export function registerEvents(app: ApiApp, { events, readerSlots }: V2Context): void {
  const end = endWithApp(app)
  const schema = {
    summary: 'What happens to torrents, as it happens',
    description:
      'Server-sent events: `added`, `completed`, `evicted` with `{"info_hash", "at"}`, each with an id. `Last-Event-ID`, or `after`, goes on after an event; where that is kept no longer, `gap` comes first. A reader that is too slow is disconnected.',
    querystring: Type.Object({
      after: Type.Optional(Type.String({ description: 'An id, as `Last-Event-ID`; `0-0` for all that are kept.' })),
    }),
    response: {
      200: { description: 'Events', content: { 'text/event-stream': { schema: Type.String() } } },
      ...ERROR_REPLIES,
    },
  }
  app.get('/api/v2/events', { schema, exposeHeadRoute: false }, async (request, reply) => {
    const feed = events
    if (!feed) throw eventsOff()
    const afterId = afterOf(request, request.query.after)
    const giveBack = readerSlots.take()
    if (!giveBack) throw new ApiError(503, 'busy', `${readerSlots.max} readers of events are there already`)
    const response = reply.raw
    response.once('close', giveBack)
    end(response)
    await assertReadable(feed)
    reply.hijack()
    dropWhenStuck(response)
    await sendEvents(feed, response, afterId)
  })
}

/** What is told where there are none. */
export const eventsOff = (): ApiError =>
  new ApiError(503, 'events_off', 'no events are written: REDSWARM_EVENTS_MAX is 0, or Redis is a Cluster')

/** Fails, with an error that can still be told, where the stream cannot be read. */
const assertReadable = async (feed: EventFeed): Promise<void> => void (await feed.isKept('0-1'))

/** The id that a reader goes on after. */
function afterOf(request: FastifyRequest, after: string | undefined): string | undefined {
  const header = request.headers['last-event-id']
  if (typeof header === 'string' && header !== '') {
    if (!isEventId(header)) throw badField('Last-Event-ID', 'the id of an event, like 1764000000000-0', header)
    return header
  }
  if (after !== undefined && !isEventId(after))
    throw badField('after', 'the id of an event, like 1764000000000-0', after)
  return after
}
