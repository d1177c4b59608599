import { setTimeout as sleep } from 'node:timers/promises'
import type { RedisClient } from './client.ts'
import type { Keys } from './keys.ts'

/** What happens to torrents. */
export const EVENT_KINDS = ['added', 'completed', 'evicted'] as const

/** One of them. */
export type EventKind = (typeof EVENT_KINDS)[number]

/** Something that happened to a torrent; ids grow with time: milliseconds since the epoch, then a number. */
export type TorrentEvent = { id: string; kind: EventKind; hex: string; atMs: number }

/** Events in one read: 0.1 MB, and half a millisecond of Redis. */
const PER_READ = 1000
/** How long one read waits for something to happen: shorter than a command may take. */
const BLOCK_MS = 1000
/** Before a read that failed is done again; Redis may be away. */
const RETRY_MS = 250

/** The id before all others. */
export const FIRST_ID = '0-0'

const ID = /^(\d{1,15})-(\d{1,15})$/

/** Whether a text can be an event's id. */
export const isEventId = (text: string): boolean => ID.test(text)

/** Whether an id is later than another. */
export function isLater(id: string, other: string): boolean {
  const [ms = 0, number = 0] = id.split('-').map(Number)
  const [otherMs = 0, otherNumber = 0] = other.split('-').map(Number)
  return ms === otherMs ? number > otherNumber : ms > otherMs
}

/** Hears of events; `mayMiss`: others that came before them may have gone. */
type Listener = (events: TorrentEvent[], mayMiss: boolean) => void

/** The stream of events: what is kept of it, and what comes, heard over one connection however many listen. */
export type EventFeed = {
  /** The id of the last event that was heard of: whoever listens from now on hears of all after it. */
  lastId: () => string
  /** Some of those kept after an id, and up to which id it has read; no id where none are kept after it. */
  readAfter: (id: string) => Promise<{ events: TorrentEvent[]; lastId: string | undefined }>
  /** Whether the event of an id is still kept; where not, others after it may have gone too. */
  isKept: (id: string) => Promise<boolean>
  /** Hears of all that comes; answers how to stop. The first to listen makes the connection. */
  listen: (listener: Listener) => Promise<() => void>
  stop: () => Promise<void>
}

/** The feed of the events in a Redis. `connect` makes the connection that waits for them. */
export function makeEventFeed({
  redis,
  keys,
  connect,
  onProblem,
}: {
  redis: RedisClient
  keys: Keys
  connect: () => Promise<RedisClient>
  onProblem: (error: unknown) => void
}): EventFeed {
  const listeners = new Set<Listener>()
  const stopping = new AbortController()
  let lastId = FIRST_ID
  let started: Promise<void> | undefined
  let reading = Promise.resolve()
  let connection: RedisClient | undefined

  const isKept = async (id: string): Promise<boolean> =>
    id === FIRST_ID || (await redis.xrange(keys.events, id, id)).length > 0

  const readNext = async (waiting: RedisClient): Promise<void> => {
    const reply = await waiting.xread('COUNT', PER_READ, 'BLOCK', BLOCK_MS, 'STREAMS', keys.events, lastId)
    const events = (reply?.[0]?.[1] ?? []).flatMap(readEvent)
    const last = reply?.[0]?.[1].at(-1)?.[0]
    if (last === undefined) return
    // Asked after the read: what is kept now was kept then, and so was all that came after it.
    const mayMiss = !(await isKept(lastId))
    lastId = last
    if (events.length > 0 || mayMiss) for (const listener of [...listeners]) listener(events, mayMiss)
  }

  const readAll = async (waiting: RedisClient): Promise<void> => {
    while (!stopping.signal.aborted) {
      await readNext(waiting).catch(async (error: unknown) => {
        if (stopping.signal.aborted) return
        onProblem(error)
        await sleep(RETRY_MS, undefined, { signal: stopping.signal }).catch(() => {})
      })
    }
  }

  const start = async (): Promise<void> => {
    const [last] = await redis.xrevrange(keys.events, '+', '-', 'COUNT', 1)
    lastId = last?.[0] ?? FIRST_ID
    connection = await connect()
    if (stopping.signal.aborted) return connection.disconnect()
    reading = readAll(connection)
  }

  return {
    lastId: () => lastId,
    async readAfter(id) {
      const entries = await redis.xrange(keys.events, `(${id}`, '+', 'COUNT', PER_READ)
      return { events: entries.flatMap(readEvent), lastId: entries.at(-1)?.[0] }
    },
    isKept,
    async listen(listener) {
      started ??= start().catch((error) => {
        started = undefined
        throw error
      })
      await started
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    async stop() {
      stopping.abort()
      connection?.disconnect()
      await reading
    },
  }
}

/** Events, the newest first, and the id that the next page is before; undefined where none are kept before it. */
export type EventPage = { events: TorrentEvent[]; next: string | undefined }

/** Reads the last events that are kept, or those before an id. */
export async function readEventsBefore(
  redis: RedisClient,
  keys: Keys,
  { before, limit }: { before?: string | undefined; limit: number },
): Promise<EventPage> {
  // Redis takes it for a mistake to ask for what is before its first id.
  if (before !== undefined && !isLater(before, FIRST_ID)) return { events: [], next: undefined }
  const end = before === undefined ? '+' : `(${before}`
  // One more than asked for tells whether there is a page after this one.
  const entries = await redis.xrevrange(keys.events, end, '-', 'COUNT', limit + 1)
  const next = entries.length > limit ? entries[limit - 1]?.[0] : undefined
  return { events: entries.slice(0, limit).flatMap(readEvent), next }
}

/** An entry of the stream; nothing where somebody else wrote it. */
function readEvent([id, fields]: [id: string, fields: string[]]): TorrentEvent[] {
  const { event, info_hash: hex = '' } = Object.fromEntries(
    Array.from({ length: fields.length / 2 }, (_, i) => [fields[2 * i], fields[2 * i + 1]]),
  ) as Record<string, string>
  const kind = EVENT_KINDS.find((each) => each === event)
  return kind && /^[0-9a-f]{40}$/.test(hex) ? [{ id, kind, hex, atMs: Number(id.split('-')[0]) }] : []
}
