import { closeSync, existsSync, openSync, readSync } from 'node:fs'
import { resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { messageOf, OperatorError } from '../../../lib/errors.ts'

/** What may stand in a field of the database. */
export type Value = string | number | bigint | Uint8Array | null

/** A row: what it is about, and what is said of it. */
export type Row = { id: Value; value: Value }

/** A table of the Torrust Tracker's; no rows where the database has it not. */
export type Table = {
  /** Its name in this database. */
  name: string
  rows: number
  /** All rows in the order of their ids, a thousand at a time. */
  pages: () => Iterable<Row[]>
}

/** What the Torrust Tracker keeps. */
export type TorrustDatabase = { whitelist: Table; keys: Table; torrents: Table; close: () => void }

type Form = { table: string; id: string; value: string }

/** By what names; those of a later version come after. */
const FORMS: Record<'whitelist' | 'keys' | 'torrents', readonly Form[]> = {
  whitelist: [
    { table: 'whitelist', id: 'info_hash', value: 'NULL' },
    { table: 'whitelist_v1', id: 'info_hash', value: 'NULL' },
  ],
  keys: [{ table: 'keys', id: '"key"', value: 'valid_until' }],
  torrents: [
    { table: 'torrents', id: 'info_hash', value: 'completed' },
    { table: 'completed_v1', id: 'info_hash', value: '"count"' },
  ],
}

/** Rows read at once, and no longer locked than that: a tracker that runs on the database must be able to write. */
const PAGE_ROWS = 1000
/** How long its own writes are waited for. */
const BUSY_MS_MAX = 5000

/** Opens the sqlite database of a Torrust Tracker; it is never written. */
export function openTorrustDatabase(path: string): TorrustDatabase {
  const database = open(path)
  try {
    const names = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all()
    const known = new Set(names.map(({ name }) => name))
    const tableOf = (forms: readonly Form[]): Table => {
      const form = forms.findLast(({ table }) => known.has(table))
      return form ? readTable(database, form) : { name: forms[0]?.table ?? '', rows: 0, pages: () => [] }
    }
    if (!Object.values(FORMS).some((forms) => forms.some(({ table }) => known.has(table)))) {
      throw new OperatorError(`${path} has none of the Torrust Tracker's tables: whitelist, keys, torrents`)
    }
    return {
      whitelist: tableOf(FORMS.whitelist),
      keys: tableOf(FORMS.keys),
      torrents: tableOf(FORMS.torrents),
      close: () => database.close(),
    }
  } catch (error) {
    database.close()
    throw asOperatorError(path, error)
  }
}

function open(path: string): DatabaseSync {
  try {
    const url = pathToFileURL(resolve(path))
    // To read one with a write-ahead log, sqlite makes files beside it: not where nobody else has it open.
    if (isWriteAhead(path) && !existsSync(`${path}-wal`)) url.searchParams.set('immutable', '1')
    return new DatabaseSync(url, { readOnly: true, timeout: BUSY_MS_MAX })
  } catch (error) {
    throw asOperatorError(path, error)
  }
}

/** Byte 18 of the file says how it is written: 2 is with a write-ahead log. */
function isWriteAhead(path: string): boolean {
  const file = openSync(path, 'r')
  try {
    const byte = Buffer.alloc(1)
    return readSync(file, byte, 0, 1, 18) === 1 && byte[0] === 2
  } finally {
    closeSync(file)
  }
}

function readTable(database: DatabaseSync, { table, id, value }: Form): Table {
  const columns = `SELECT ${id} AS id, ${value} AS value FROM ${table}`
  const end = `ORDER BY ${id} LIMIT ${PAGE_ROWS}`
  const first = database.prepare(`${columns} WHERE ${id} IS NOT NULL ${end}`)
  const next = database.prepare(`${columns} WHERE ${id} > ? ${end}`)
  first.setReadBigInts(true)
  next.setReadBigInts(true)
  const counted = database.prepare(`SELECT count(*) AS rows, count(*) - count(${id}) AS nameless FROM ${table}`).get()
  const [rows, nameless] = [Number(counted?.rows), Number(counted?.nameless)]
  return {
    name: table,
    rows,
    *pages() {
      // Nothing is more than NULL: no page could go on after such rows, which only a foreign database has.
      for (let left = nameless; left > 0; left -= PAGE_ROWS)
        yield Array.from({ length: Math.min(left, PAGE_ROWS) }, () => ({ id: null, value: null }))
      let page = first.all() as Row[]
      while (page.length > 0) {
        yield page
        page = next.all(page.at(-1)?.id ?? null) as Row[]
      }
    },
  }
}

function asOperatorError(path: string, error: unknown): OperatorError {
  if (error instanceof OperatorError) return error
  return new OperatorError(`cannot read ${path} as a Torrust Tracker's sqlite database: ${messageOf(error)}`)
}
