import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { type EventFeed, FIRST_ID, isLater, type TorrentEvent } from '../../../lib/store/events.ts'
import { STREAM_HEADERS } from './slots.ts'

/** What may wait here for a reader; one who leaves more is disconnected, and may go on by Last-Event-ID. */
export const WAITING_BYTES_MAX = 256 * 1024
/** So often something is sent, so that nobody in between takes the connection for dead. */
const HEARTBEAT_MS = 15_000
/** How long a browser waits before it connects again. */
const RETRY_MS = 2000

/** Sends a reader what happened after an id, where one is given, and then what happens, until it goes. */
export async function sendEvents(
  feed: EventFeed,
  response: ServerResponse,
  afterId: string | undefined,
): Promise<void> {
  // A reader that went while Redis was asked has closed already, and would never be seen to close.
  if (response.destroyed) return
  const left = new AbortController()
  response.once('close', () => left.abort())
  let sentId: string | undefined
  const write = (text: string): boolean => !response.destroyed && response.write(text)
  const deliver = (events: TorrentEvent[], mayMiss: boolean): void => {
    const sent = sentId
    if (sent === undefined) return
    const later = events.filter(({ id }) => isLater(id, sent))
    if (later.length === 0 && !mayMiss) return
    sentId = later.at(-1)?.id ?? sent
    write((mayMiss ? GAP : '') + later.map(eventText).join(''))
    if (response.writableLength > WAITING_BYTES_MAX) response.destroy()
  }
  response.on('error', () => {})
  const unlisten = await feed.listen(deliver).catch(() => undefined)
  if (!unlisten) return void response.destroy()
  const heartbeat = setInterval(() => write(': alive\n\n'), HEARTBEAT_MS)
  try {
    response.writeHead(200, STREAM_HEADERS)
    write(`retry: ${RETRY_MS}\n: ${feed.lastId()}\n\n`)
    sentId = afterId === undefined ? feed.lastId() : await catchUp(feed, response, afterId, left.signal)
    if (!left.signal.aborted) await once(response, 'close')
  } catch {
    // Redis went, or the reader: it connects again, and goes on after what it has.
    response.destroy()
  } finally {
    clearInterval(heartbeat)
    unlisten()
  }
}

/**
 * Sends what is kept after an id, as fast as the reader takes it. Answers the id up to which all is sent; what comes after
 * that is still to be heard of.
 */
async function catchUp(
  feed: EventFeed,
  response: ServerResponse,
  afterId: string,
  signal: AbortSignal,
): Promise<string> {
  const isKept = await feed.isKept(afterId)
  if (!isKept) response.write(GAP)
  // An id that was never given goes on from now.
  let sentId = isKept || !isLater(afterId, feed.lastId()) ? afterId : feed.lastId()
  for (let isFirst = true; !signal.aborted; isFirst = false) {
    const heardId = feed.lastId()
    const { events, lastId } = await feed.readAfter(sentId)
    if (lastId !== undefined) {
      // What a slow reader has still to be sent goes too, where newer events come. Asked after the read: what is kept
      // then was kept while it was read.
      const isToldOfGap = isFirst && !isKept
      if (!isToldOfGap && !(await feed.isKept(sentId))) response.write(GAP)
      sentId = lastId
      const isTaken = events.length === 0 || response.write(events.map(eventText).join(''))
      if (!isTaken) await once(response, 'drain', { signal })
    } else if (feed.lastId() === heardId || !isLater(feed.lastId(), sentId)) return sentId
  }
  return FIRST_ID
}

const GAP = 'event: gap\ndata: {}\n\n'

const eventText = ({ id, kind, hex, atMs }: TorrentEvent): string =>
  `id: ${id}\nevent: ${kind}\ndata: ${JSON.stringify({ info_hash: hex, at: Math.floor(atMs / 1000) })}\n\n`
