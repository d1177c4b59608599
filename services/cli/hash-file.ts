import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { OperatorError } from '../../lib/errors.ts'
import { INFO_HASH_BYTES, type InfoHash, infoHashFromHex } from '../../lib/wire/info-hash.ts'
import { addBadLine, type BadLines, noBadLines } from './bad-lines.ts'
import { linesOf } from './lines.ts'

/** What a file of info hashes holds. It was read once, to its end: what comes by a pipe can be read no second time. */
export type HashFile = {
  infoHashes: number
  bad: BadLines
  /** The info hashes in the order of the lines, a thousand at a time. */
  batches: () => AsyncIterable<InfoHash[]>
}

const BATCH = 1000

/**
 * Reads a file of info hashes (`-` is standard input): one a line, 40 hex digits; `#` begins a comment. They wait in a
 * file of the temporary folder, 20 bytes each, for `use` to take them: memory does not grow with them.
 */
export async function readHashFile<T>(
  path: string,
  onProgress: (bytesRead: number, bytes: number) => void,
  use: (file: HashFile) => Promise<T>,
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
  const found = { infoHashes: 0, bad: noBadLines() }
  let number = 0
  for await (const { lines, done, total } of linesOf(path)) {
    const hashes: InfoHash[] = []
    for (const line of lines) {
      number += 1
      const text = line.replace(/#.*/s, '').trim()
      const infoHash = infoHashFromHex(text)
      if (infoHash) hashes.push(infoHash)
      else if (text !== '') addBadLine(found.bad, { number, text })
    }
    await spool.write(Buffer.concat(hashes))
    found.infoHashes += hashes.length
    onProgress(done, total)
  }
  return found
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
