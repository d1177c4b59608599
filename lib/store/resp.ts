import type { Writable } from 'node:stream'

const EMPTY = Buffer.alloc(0)

/** What scripts, and loading them, are answered with: a bulk string, nil or error, or an array of such. */
export type Reply = Element | Element[]
type Element = Buffer | null | ReplyError

/** An error that Redis answered. */
export class ReplyError extends Error {
  override readonly name = 'ReplyError'
}

/**
 * Most bytes that are kept, and that a string may have: four times what the largest two replies take, those to 64 announces that
 * are told 255 peers of IPv6 with their ids.
 */
export const REPLY_BYTES_MAX = 4 * 2 * 64 * 255 * 38
/** Most elements of one. */
const ELEMENTS_MAX = 1024
const [ARRAY, BULK, ERROR, CR, MINUS, ZERO] = Buffer.from('*$-\r-0') as unknown as [
  number,
  number,
  number,
  number,
  number,
  number,
]

/** Bytes that a command of the data path takes at most, about: a longer one has a buffer made for it alone. */
const COMMAND_BYTES_MAX = 65_536
/** What RESP puts around an argument: `$`, a length, two line ends. */
const FRAME_BYTES_MAX = 16
/** Buffers of commands that are kept: as many as are written at once, about. */
const KEPT_BUFFERS_MAX = 4

/** Writes commands with their arguments, as RESP has them. */
export type CommandWriter = (args: readonly (string | number | Buffer)[]) => void

/** A writer to a stream. It uses its buffers again: new ones, outside V8's heap, have its collector begin anew each time 8 MB have come. */
export function makeCommandWriter(stream: Pick<Writable, 'write'>): CommandWriter {
  const free: Buffer[] = []
  return function sendCommand(args) {
    const texts = args.map((arg) => (typeof arg === 'object' ? arg : String(arg)))
    let bytesMax = FRAME_BYTES_MAX
    for (const text of texts) bytesMax += Buffer.byteLength(text) + FRAME_BYTES_MAX
    const isUsual = bytesMax <= COMMAND_BYTES_MAX
    const buffer = (isUsual && free.pop()) || Buffer.allocUnsafeSlow(isUsual ? COMMAND_BYTES_MAX : bytesMax)
    const bytes = writeCommand(buffer, texts)
    stream.write(buffer.subarray(0, bytes), () => {
      if (isUsual && free.length < KEPT_BUFFERS_MAX) free.push(buffer)
    })
  }
}

function writeCommand(into: Buffer, args: readonly (string | Buffer)[]): number {
  let at = into.write(`*${args.length}`, 0, 'latin1')
  for (const arg of args) {
    at += into.write(`\r\n$${Buffer.byteLength(arg)}\r\n`, at, 'latin1')
    at += typeof arg === 'string' ? into.write(arg, at) : arg.copy(into, at)
  }
  return at + into.write('\r\n', at, 'latin1')
}

/** Reads replies of scripts as they come: `add` answers those that are whole by then, in order. */
export type ReplyReader = { add: (bytes: Buffer) => Reply[] }

/**
 * A reader of such replies (RESP2); what it answers are views into what came. Anything else, or more than a script ever
 * answers, is no reply to one: it throws, and the connection is of no more use.
 */
export function makeReplyReader(): ReplyReader {
  let bytes: Buffer = EMPTY
  let at = 0

  /** The number from `at` to the next line; undefined where that has not come whole. */
  const readNumber = (): number | undefined => {
    const isNegative = bytes[at] === MINUS
    let number = 0
    for (let i = isNegative ? at + 1 : at; i + 1 < bytes.length; i++) {
      const byte = bytes[i] as number
      if (byte === CR) {
        at = i + 2
        return isNegative ? -number : number
      }
      const digit = byte - ZERO
      number = number * 10 + digit
      if (digit < 0 || digit > 9 || number > REPLY_BYTES_MAX) throw notAReply()
    }
    return undefined
  }

  const readError = (): ReplyError | undefined => {
    const end = bytes.indexOf('\r\n', at)
    if (end < 0) return undefined
    const error = new ReplyError(bytes.toString('utf8', at, end))
    at = end + 2
    return error
  }

  const readElement = (): Element | undefined => {
    if (at >= bytes.length) return undefined
    const kind = bytes[at++]
    if (kind === ERROR) return readError()
    if (kind !== BULK) throw notAReply()
    const length = readNumber()
    if (length === undefined) return undefined
    if (length < 0) return null
    const start = at
    at += length + 2
    return at <= bytes.length ? bytes.subarray(start, start + length) : undefined
  }

  const readReply = (): Reply | undefined => {
    if (at >= bytes.length) return undefined
    if (bytes[at] !== ARRAY) return readElement()
    at += 1
    const count = readNumber()
    if (count === undefined) return undefined
    if (!(count >= 0 && count <= ELEMENTS_MAX)) throw notAReply()
    const elements: Element[] = []
    while (elements.length < count) {
      const element = readElement()
      if (element === undefined) return undefined
      elements.push(element)
    }
    return elements
  }

  return {
    add(more) {
      bytes = bytes.length === 0 ? more : Buffer.concat([bytes, more])
      if (bytes.length > REPLY_BYTES_MAX) throw notAReply()
      const replies: Reply[] = []
      let end = 0
      for (at = 0; ; end = at) {
        const reply = readReply()
        if (reply === undefined) break
        replies.push(reply)
      }
      // What has not come whole is read again from its start: it comes in two or three pieces at most.
      bytes = end === bytes.length ? EMPTY : bytes.subarray(end)
      return replies
    },
  }
}

const notAReply = (): Error => new Error('Redis answers a script with what is no reply to it')
