import type { ServerResponse } from 'node:http'
import Type from 'typebox'
import type { ApiApp } from '../context.ts'
import { ApiError, ERROR_REPLIES } from '../errors.ts'
import type { V2Context } from './context.ts'
import type { LiveFeed } from './live-feed.ts'
import { HistoryItem, SnapshotItem } from './live-schemas.ts'
import { dropWhenStuck, endWithApp, STREAM_HEADERS } from './slots.ts'

/** Readers at once: each is sent some kilobytes a second. */
export const LIVE_READERS_MAX = 100
/** How long a browser waits before it connects again. */
const RETRY_MS = 2000

/** `GET /api/v2/live`: what the tracker does now, as server-sent events, one a second. */
export function registerLive(app: ApiApp, { live, liveSlots }: V2Context): void {
  const end = endWithApp(app)
  const schema = {
    summary: 'What the tracker does now, once a second',
    description:
      'Server-sent events: `history` first, with the rates of the last 5 minutes, then a `snapshot` every second. Redis is read once, however many readers there are. A reader that is slow is not sent every snapshot.',
    response: {
      200: {
        description: 'Events',
        content: {
          'text/event-stream': {
            schema: Type.String({
              contentMediaType: 'application/json',
              contentSchema: Type.Union([HistoryItem, SnapshotItem]),
            }),
          },
        },
      },
      ...ERROR_REPLIES,
    },
  }
  app.get('/api/v2/live', { schema, exposeHeadRoute: false }, async (_, reply) => {
    const giveBack = liveSlots.take()
    if (!giveBack) throw new ApiError(503, 'busy', `${liveSlots.max} readers are there already`)
    const response = reply.raw
    response.once('close', giveBack)
    end(response)
    reply.hijack()
    dropWhenStuck(response)
    sendLive(live, response)
  })
}

/** Sends a reader the history and snapshots until it goes. */
function sendLive(live: LiveFeed, response: ServerResponse): void {
  // A reader that has gone already would never be seen to close.
  if (response.destroyed) return
  response.on('error', () => {})
  response.writeHead(200, STREAM_HEADERS)
  response.write(`retry: ${RETRY_MS}\n\n`)
  let isFirst = true
  const unlisten = live.listen((text) => {
    // One that has not taken the last snapshot is sent the next that it has time for: what waits for it stays small.
    if (isFirst || response.writableLength === 0) response.write(text)
    isFirst = false
  })
  response.once('close', unlisten)
}
