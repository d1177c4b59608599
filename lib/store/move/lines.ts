import { crc32 } from 'node:zlib'
import { OperatorError } from '../../errors.ts'

/** Bytes of lines that one check is for: so much is read before any of it is used. */
const BLOCK_BYTES = 256 * 1024
/** Longer than any line that is written, of a few hundred peers. */
const LINE_BYTES_MAX = 1024 * 1024
/** No block is longer, were its lines as long as they may be. */
const BLOCK_BYTES_MAX = BLOCK_BYTES + 2 * LINE_BYTES_MAX

/** Makes a file of lines: after each block of them, a line that tells its CRC-32. */
export type LineWriter = {
  /** Takes lines, each with its end; answers what is to be written by now, or nothing. */
  add: (lines: string) => string
  /** What is left. */
  end: () => string
}

/** A writer of lines with checks. They must be ASCII. */
export function makeLineWriter(): LineWriter {
  let block = ''
  let number = 0
  const flush = (): string => {
    const text = block
    block = ''
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) number += 1
    number += 1
    return `${text}{"check":"${checkOf(Buffer.from(text, 'latin1'))}","line":${number}}\n`
  }
  return {
    add(lines) {
      block += lines
      return block.length < BLOCK_BYTES ? '' : flush()
    },
    end: flush,
  }
}

const checkOf = (bytes: Buffer): string => crc32(bytes).toString(16).padStart(8, '0')

/** Lines that are as they were written, and the number of the first, from 1. */
export type LineBlock = { first: number; lines: string[] }

const CHECK = /^\{"check":"([0-9a-f]{8})","line":(\d{1,15})\}$/
const CHECK_BYTES_MAX = 60
const [NEWLINE, CARRIAGE_RETURN] = [0x0a, 0x0d]

/**
 * Reads the blocks of a file, each only once it is known to be whole; throws an OperatorError that says where the file is
 * damaged, or cut off.
 */
export async function* readBlocks(name: string, bytes: AsyncIterable<Buffer>): AsyncGenerator<LineBlock> {
  let pending: Buffer = Buffer.alloc(0)
  let number = 0
  for await (const some of catchGzip(name, bytes, () => number)) {
    pending = pending.length === 0 ? some : Buffer.concat([pending, some])
    // The last line of a block is short: only such lines are looked at one by one.
    let blockAt = 0
    for (let lineAt = 0; lineAt < pending.length; ) {
      const end = pending.indexOf(NEWLINE, lineAt)
      if (end < 0) break
      if (number + lineAt === 0 && pending[end - 1] === CARRIAGE_RETURN) throw changedEnds(name)
      const check = end - lineAt <= CHECK_BYTES_MAX ? CHECK.exec(pending.toString('latin1', lineAt, end)) : null
      if (check) {
        const lines = pending.toString('latin1', blockAt, Math.max(blockAt, lineAt - 1)).split('\n')
        if (lineAt === blockAt) lines.pop()
        const last = number + lines.length + 1
        if (checkOf(pending.subarray(blockAt, lineAt)) !== check[1] || Number(check[2]) !== last)
          throw damaged(name, number + 1, last)
        yield { first: number + 1, lines }
        number = last
        blockAt = end + 1
      }
      lineAt = end + 1
    }
    pending = pending.subarray(blockAt)
    if (pending.length > BLOCK_BYTES_MAX) throw damaged(name, number + 1)
  }
  if (pending.length > 0) throw cutOff(name, number)
}

/** What gzip says of a file, with where. */
async function* catchGzip(name: string, bytes: AsyncIterable<Buffer>, number: () => number): AsyncGenerator<Buffer> {
  try {
    yield* bytes
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'Z_BUF_ERROR') throw cutOff(name, number())
    if (code?.startsWith('Z_')) throw damaged(name, number() + 1)
    throw error
  }
}

/** What to tell of a file that is not as it was written from one line on. */
export const damaged = (name: string, from: number, to?: number): OperatorError =>
  new OperatorError(
    `${name} is damaged ${to === undefined ? `after line ${from - 1}` : `in one of its lines ${from} to ${to}`}; ` +
      'what comes before is as it was written, and nothing from there on was imported',
  )

const changedEnds = (name: string): OperatorError =>
  new OperatorError(
    `${name} has lines that end in CR LF, which no export has: copy it as it is, without changing its text`,
  )

/** What to tell of a file that ends too early. */
export const cutOff = (name: string, line: number): OperatorError =>
  new OperatorError(
    line === 0
      ? `${name} is cut off at its beginning: it is no whole export`
      : `${name} is cut off after line ${line}; what comes before is as it was written, and its end is not there`,
  )
