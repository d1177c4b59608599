import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { messageOf, OperatorError } from '../../lib/errors.ts'
import { nameOf } from './move/file-kind.ts'

/** What comes after so many characters of a line is not kept: nothing that is read by lines is as long. */
const LINE_CHARS_MAX = 1000
const BYTE_ORDER_MARK = /^\xef\xbb\xbf/
const GZIP = Buffer.of(0x1f, 0x8b)

/** Lines of a file that come together, and how far it is, in bytes; 0 of 0 where that is not known. */
export type SomeLines = { lines: string[]; done: number; total: number }

/** The lines of a file (`-` is standard input), compressed or not; a character is a byte. */
export async function* linesOf(file: string): AsyncGenerator<SomeLines> {
  const isStdin = file === '-'
  const total = isStdin
    ? 0
    : await stat(file).then(
        ({ size }) => size,
        () => 0,
      )
  let done = 0
  async function* bytes(): AsyncGenerator<Buffer> {
    // Opened when it is read: that it cannot be is an event of its, which nobody would hear before.
    for await (const chunk of isStdin ? process.stdin : createReadStream(file)) {
      done += (chunk as Buffer).length
      yield chunk as Buffer
    }
  }
  let [rest, isFirst] = ['', true]
  try {
    for await (const chunk of unzipped(bytes())) {
      const text = rest + chunk.toString('latin1')
      const lines = (isFirst ? text.replace(BYTE_ORDER_MARK, '') : text).split('\n')
      isFirst = false
      rest = (lines.pop() ?? '').slice(0, LINE_CHARS_MAX)
      yield { lines, done: Math.min(done, total), total }
    }
  } catch (error) {
    if (error instanceof OperatorError) throw error
    throw new OperatorError(`cannot read ${nameOf(file)}: ${messageOf(error)}`)
  }
  if (rest !== '') yield { lines: [rest], done: total, total }
}

/** What is compressed, by how it begins, as it was before. */
async function* unzipped(bytes: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  const first = await bytes.next()
  if (first.done) return
  async function* all(): AsyncGenerator<Buffer> {
    yield first.value as Buffer
    yield* bytes
  }
  if (!first.value.subarray(0, GZIP.length).equals(GZIP)) {
    yield* all()
    return
  }
  // Whatever ends the one ends the other; what is wrong is told by the one that is read.
  yield* pipeline(all, createGunzip(), () => {}) as AsyncIterable<Buffer>
}
