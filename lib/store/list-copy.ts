import { isRedisReply } from '../errors.ts'
import type { List, ListEntry } from './list.ts'

/** Makes of a list's names what is asked of it. */
export type ListReader<View> = {
  /** Takes some; one that came before has another value now, and with an empty one it is gone. */
  take: (entries: readonly ListEntry[]) => void
  /** What is asked, of all that was taken. */
  view: () => View
}

/** All of a list, read once. */
export async function readList<View>(list: Pick<List, 'scan'>, reader: ListReader<View>): Promise<View> {
  for await (const some of list.scan()) reader.take(some)
  return reader.view()
}

/** A process's own copy of a list that operators keep in Redis. */
export type ListCopy<View> = {
  view: () => View
  /** Reads what has changed; called twice a second, a change is effective within one. */
  refresh: () => Promise<void>
  /** Has the next refresh read all: for a Redis that was away, and may be back without the last changes. */
  forget: () => void
}

/** How many times what it took to read all has to pass before that is done again, so that no list takes a core. */
const REST_TIMES = 4

/**
 * The copy, read once. Later, only changes are read, and all of them only where some are no longer kept, or somebody wrote to the
 * list by hand. While Redis is away it stays as it is.
 *
 * `onDamaged`: the copy is made all the same, empty until the list can be read, where a key of it is of another type. Left out, that throws.
 */
export async function makeListCopy<View>(
  list: Pick<List, 'scan' | 'version' | 'changesAfter'>,
  makeReader: () => ListReader<View>,
  onDamaged?: (error: Error) => void,
): Promise<ListCopy<View>> {
  let reader = makeReader()
  let view = reader.view()
  let known: number | undefined
  /** The change that was read last; empty where that is not known. */
  let lastId = ''
  let restUntilMs = 0
  let current: Promise<void> | undefined

  /** Whether all changes up to a version were there to be read. */
  const readChanges = async (version: number): Promise<boolean> => {
    // Neither is so of a version that somebody damaged.
    if (known === undefined || !(known <= version)) return false
    const entries: ListEntry[] = []
    let [next, id] = [known, lastId]
    for await (const change of list.changesAfter(lastId)) {
      id = change.id
      if (change.version <= next) continue
      if (change.version !== next + 1) return false
      next = change.version
      for (const entry of change.entries) entries.push(entry)
    }
    if (next < version) return false
    reader.take(entries)
    view = reader.view()
    known = next
    lastId = id
    return true
  }

  const readAll = async (version: number): Promise<void> => {
    if (performance.now() < restUntilMs) return
    const startMs = performance.now()
    const fresh = makeReader()
    view = await readList(list, fresh)
    reader = fresh
    // Asked before all was read: what changed meanwhile is a change yet to be read.
    known = version
    lastId = ''
    const endMs = performance.now()
    restUntilMs = endMs + REST_TIMES * (endMs - startMs)
  }

  const read = async (): Promise<void> => {
    const version = await list.version()
    if (version === known || (await readChanges(version))) return
    known = undefined
    await readAll(version)
  }
  const refresh = (): Promise<void> => {
    current ??= read().finally(() => {
      current = undefined
    })
    return current
  }
  await refresh().catch((error: unknown) => {
    if (!onDamaged || !isRedisReply(error) || !error.message.startsWith('WRONGTYPE')) throw error
    onDamaged(error)
  })
  return {
    view: () => view,
    refresh,
    forget() {
      known = undefined
    },
  }
}

/** A copy that is made when it is first asked for, and read up each time that it is. */
export function makeLazyCopy<View>(
  list: Pick<List, 'scan' | 'version' | 'changesAfter'>,
  makeReader: () => ListReader<View>,
): { read: () => Promise<View>; forget: () => void } {
  let copy: Promise<ListCopy<View>> | undefined
  return {
    async read() {
      copy ??= makeListCopy(list, makeReader)
      const made = await copy.catch((error: unknown) => {
        copy = undefined
        throw error
      })
      await made.refresh()
      return made.view()
    },
    forget() {
      copy = undefined
    },
  }
}
