import { OperatorError } from '../errors.ts'
import type { RedisClient } from './client.ts'
import type { ListKeys } from './keys.ts'
import { loadScript, runScript } from './scripts.ts'
import { untilValue } from './until.ts'

/** A name of a list and its value; where it is told as a change, an empty value says that the name is gone. */
export type ListEntry = readonly [name: string, value: string]

/** What became of a name: nothing was changed, it is new (or gone), or its value is another. */
export type ListOutcome = 'same' | 'new' | 'changed'

/** What one change has made of a list: its number, and where it stands among the changes. */
export type ListChange = { id: string; version: number; entries: ListEntry[] }

/** Names in one answer of Redis, about. */
const SCAN_COUNT = 1000
/** Names that one call of the script changes: 1 to 2 ms of Redis. */
export const CHANGED_AT_ONCE = 500
/** Changes that are kept to be read: 60 MB of Redis at most, where each is of so many names, … */
export const CHANGES_MAX = 2000
/** … and until so long after the last one. Who has not looked since reads the whole list. */
const CHANGES_S = 60
/** Changes in one answer of Redis. */
const CHANGES_READ_AT_ONCE = 100

/** A list that operators keep in Redis, of which every frontend has a copy. Each change of it has a number, the version. */
export type List = {
  /**
   * Puts names, or changes their values; answers what became of each, in order. `prolongs`: values are until when something is
   * good, and what is good for longer stays. Throws an OperatorError past the most that there may be.
   */
  put: (entries: readonly ListEntry[], prolongs?: boolean) => Promise<ListOutcome[]>
  /** Whether each of them was there. */
  remove: (names: readonly string[]) => Promise<boolean[]>
  /** Their values, each in its place. */
  find: (names: readonly string[]) => Promise<(string | undefined)[]>
  /** All, some at a time, in no order; one that changes meanwhile may come twice. */
  scan: () => AsyncIterable<ListEntry[]>
  count: () => Promise<number>
  version: () => Promise<number>
  /** The changes after one, by its id (empty: all that are kept), in order. */
  changesAfter: (id: string) => AsyncIterable<ListChange>
  /** Of a list whose values are until when: removes those that are over; ends early where it is told to stop. Answers how many. */
  removeExpired: (nowS: number, isStopping: () => boolean) => Promise<number>
}

/** What there may be of a list, and what it is a list of, for errors. */
export type ListLimit = { max: number; tooMany: string }

/** The list in a Redis under some keys. */
export function makeList(redis: RedisClient, keys: ListKeys, { max, tooMany }: ListLimit): List {
  const script = loadScript('change_list')
  const change = async (how: 'put' | 'prolong' | 'end', entries: readonly ListEntry[]): Promise<string> => {
    let digits = ''
    for (let at = 0; at < entries.length; at += CHANGED_AT_ONCE) {
      const some = entries.slice(at, at + CHANGED_AT_ONCE).flat()
      const args = [max, how, CHANGES_MAX, CHANGES_S, ...some]
      digits += String(await runScript(redis, script, [keys.list, keys.version, keys.changes], args))
      if (digits.includes(TOO_MANY, at)) throw new OperatorError(tooMany)
    }
    return digits
  }

  async function* scan(): AsyncIterable<ListEntry[]> {
    let cursor = '0'
    do {
      const [next, fields] = await redis.hscan(keys.list, cursor, 'COUNT', SCAN_COUNT)
      yield Array.from({ length: fields.length / 2 }, (_, i) => [fields[2 * i] as string, fields[2 * i + 1] as string])
      cursor = next
    } while (cursor !== '0')
  }

  return {
    scan,
    async put(entries, prolongs = false) {
      return [...(await change(prolongs ? 'prolong' : 'put', entries))].map((digit) => OUTCOMES[digit] ?? 'same')
    },
    async remove(names) {
      const digits = await change(
        'end',
        names.map((name) => [name, '']),
      )
      return [...digits].map((digit) => digit === '1')
    },
    async find(names) {
      if (names.length === 0) return []
      return (await redis.hmget(keys.list, ...names)).map((value) => value ?? undefined)
    },
    count: () => redis.hlen(keys.list),
    version: async () => Number((await redis.get(keys.version)) ?? 0),
    async *changesAfter(id) {
      for (let after = id; ; ) {
        const found = await redis.xrange(
          keys.changes,
          after === '' ? '-' : `(${after}`,
          '+',
          'COUNT',
          CHANGES_READ_AT_ONCE,
        )
        for (const [entryId, fields] of found) {
          after = entryId
          yield changeOf(entryId, fields)
        }
        if (found.length < CHANGES_READ_AT_ONCE) return
      }
    },
    async removeExpired(nowS, isStopping) {
      let removed = 0
      for await (const some of scan()) {
        if (isStopping()) return removed
        const over = some.filter(([, until]) => untilValue(until) <= nowS)
        // Only what is still good until then: somebody may prolong it meanwhile.
        removed += (await change('end', over)).replaceAll('0', '').length
      }
      return removed
    },
  }
}

const TOO_MANY = '3'
const OUTCOMES: Record<string, ListOutcome> = { 0: 'same', 1: 'new', 2: 'changed' }

function changeOf(id: string, fields: readonly string[]): ListChange {
  const [, version, , lines = ''] = fields
  const entries = lines.split('\n').map((line): ListEntry => {
    const end = line.indexOf(' ')
    return [line.slice(0, end), line.slice(end + 1)]
  })
  return { id, version: Number(version), entries }
}
