import { createReadStream } from 'node:fs'
import { type FileHandle, mkdtemp, open, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { messageOf, OperatorError } from '../../lib/errors.ts'
import { INFO_HASH_BYTES, type InfoHash, infoHashFromHex } from '../../lib/wire/info-hash.ts'

/** A line that is no info hash. */
export type BadLine = { number: number; text: string }

/** What a file of info hashes holds. It was read once, to its end: what comes by a pipe can be read no second time. */
export type WhitelistFile = {
  infoHashes: number
  /** The first of the bad lines, and how many there are. */
  badLines: BadLine[]
  bad: number
  /** The info hashes in the order of the lines, a thousand at a time. */
  batches: () => AsyncIterable<InfoHash[]>
}

/** Bad lines that are told one by one. */
const BAD_TOLD_MAX = 20
/** What comes after so many characters of a line is not kept: no info hash is as long. */
const LINE_CHARS_MAX = 1000
const BATCH = 1000
const BYTE_ORDER_MARK = /^\xef\xbb\xbf/

/**
 * Reads a file of info hashes (`-` is standard input): one a line, 40 hex digits; `#` begins a comment. They wait in a
 * file of the temporary folder, 20 bytes each, for `use` to take them: memory does not grow with them.
 */
export async function readWhitelistFile<T>(
  path: string,
  onProgress: (bytesRead: number, bytes: number) => void,
  use: (file: WhitelistFile) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'redswarm-import-'))
  const spool = await open(join(folder, 'hashes'), 'wx+', 0o600)
  try {
    const found = await readInto(spool, path, onProgress)
    return await use({ ...found, batches: () => batchesOf(spool, found.infoHashes) })
  } finally {
    await spool.close()
    await rm(folder, { recursive: true, force: true })
  }
}

async function readInto(spool: FileHandle, path: string, onProgress: (bytesRead: number, bytes: number) => void) {
  const found = { infoHashes: 0, badLines: [] as BadLine[], bad: 0 }
  const bytes =
    path === '-'
      ? 0
      : await stat(path).then(
          ({ size }) => size,
          () => 0,
        )
  // Opened last: that it cannot be opened is an event of its, which nobody would hear meanwhile.
  const source = path === '-' ? process.stdin : createReadStream(path)
  let [number, bytesRead] = [0, 0]
  for await (const lines of linesOf(source, path)) {
    const hashes: InfoHash[] = []
    for (const line of lines) {
      number += 1
      bytesRead += line.length + 1
      const text = line.replace(/#.*/s, '').trim()
      const infoHash = infoHashFromHex(text)
      if (infoHash) hashes.push(infoHash)
      else if (text !== '') {
        found.bad += 1
        if (found.badLines.length < BAD_TOLD_MAX) found.badLines.push({ number, text })
      }
    }
    await spool.write(Buffer.concat(hashes))
    found.infoHashes += hashes.length
    onProgress(Math.min(bytesRead, bytes), bytes)
  }
  return found
}

/** The lines of what is read, as many at a time as come together; a character is a byte. */
async function* linesOf(source: AsyncIterable<Buffer>, path: string): AsyncIterable<string[]> {
  let [rest, isFirst] = ['', true]
  try {
    for await (const chunk of source) {
      const text = rest + chunk.toString('latin1')
      const lines = (isFirst ? text.replace(BYTE_ORDER_MARK, '') : text).split('\n')
      isFirst = false
      rest = (lines.pop() ?? '').slice(0, LINE_CHARS_MAX)
      yield lines
    }
  } catch (error) {
    throw new OperatorError(`cannot read ${path === '-' ? 'standard input' : path}: ${messageOf(error)}`)
  }
  if (rest !== '') yield [rest]
}

async function* batchesOf(spool: FileHandle, count: number): AsyncIterable<InfoHash[]> {
  for (let at = 0; at < count; at += BATCH) {
    const length = Math.min(BATCH, count - at) * INFO_HASH_BYTES
    const { buffer, bytesRead } = await spool.read(Buffer.alloc(length), 0, length, at * INFO_HASH_BYTES)
    if (bytesRead < length)
      throw new OperatorError('the info hashes that were read are no longer in the temporary folder')
    yield Array.from(
      { length: length / INFO_HASH_BYTES },
      (_, i) => buffer.subarray(i * INFO_HASH_BYTES, (i + 1) * INFO_HASH_BYTES) as InfoHash,
    )
  }
}
