import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { messageOf, OperatorError } from '../../../lib/errors.ts'
import { printable } from '../../../lib/observe/table.ts'

/** What a file is: a Torrust Tracker's database, or bytes that may be an export, no longer compressed. */
export type FileKind = { kind: 'torrust' } | { kind: 'export'; bytes: AsyncIterable<Buffer> }

const SQLITE = 'SQLite format 3\0'
const GZIP = Buffer.of(0x1f, 0x8b)

/** Looks at how a file begins (`-`: standard input); throws an OperatorError where it is none that can be imported. */
export async function findKind(file: string): Promise<FileKind> {
  const isStdin = file === '-'
  const [start, source] = isStdin ? await peek(process.stdin) : [await readStart(file), createReadStream(file)]
  if (start.toString('latin1') === SQLITE && !isStdin) {
    if ('destroy' in source) source.destroy()
    return { kind: 'torrust' }
  }
  if (start.subarray(0, GZIP.length).equals(GZIP)) {
    // Whatever ends the one ends the other; what is wrong is told by the one that is read.
    return { kind: 'export', bytes: pipeline(source, createGunzip(), () => {}) }
  }
  if (start[0] === '{'.charCodeAt(0)) return { kind: 'export', bytes: source }
  throw new OperatorError(
    start.length === 0
      ? `${nameOf(file)} is empty`
      : `${nameOf(file)} is neither an export of redswarm nor the sqlite database of a Torrust Tracker`,
  )
}

/** What a file is called in an error. */
export const nameOf = (file: string): string => (file === '-' ? 'standard input' : printable(file))

async function readStart(file: string): Promise<Buffer> {
  try {
    const handle = await open(file)
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(SQLITE.length), 0, SQLITE.length, 0)
      return buffer.subarray(0, bytesRead)
    } finally {
      await handle.close()
    }
  } catch (error) {
    throw new OperatorError(`cannot read ${nameOf(file)}: ${messageOf(error)}`)
  }
}

async function peek(stream: AsyncIterable<Buffer>): Promise<[start: Buffer, all: AsyncIterable<Buffer>]> {
  const iterator = stream[Symbol.asyncIterator]()
  const first = await iterator.next()
  const chunk: Buffer = first.done ? Buffer.alloc(0) : first.value
  async function* all(): AsyncGenerator<Buffer> {
    yield chunk
    for (let step = await iterator.next(); !step.done; step = await iterator.next()) yield step.value
  }
  return [chunk.subarray(0, SQLITE.length), all()]
}
