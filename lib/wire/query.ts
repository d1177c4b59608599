/**
 * A query string that was taken apart but not decoded: `info_hash` and `peer_id` are bytes, not UTF-8, so each value is
 * decoded to bytes when it is asked for. Text is latin1, a character a byte, as Node's HTTP parser gives it.
 */
export type Query = {
  /** Names and raw values in turns, in the order in which they are given. */
  pairs: readonly string[]
  /** The raw values of a name, in order; empty where it is not there. */
  all: (name: string) => readonly string[]
}

/** Takes a query string apart, at `&` and the first `=` of each part. Parts without `=` and empty ones are left out. */
export function parseQuery(text: string): Query {
  const pairs: string[] = []
  for (const part of text.split('&')) {
    const equals = part.indexOf('=')
    if (equals > 0) pairs.push(part.slice(0, equals), part.slice(equals + 1))
  }
  return { pairs, all: (name) => pairs.filter((_, i) => i % 2 === 1 && pairs[i - 1] === name) }
}

const PERCENT = 0x25

/**
 * The bytes that a raw value stands for: any mix of `%hh` escapes and characters as they are. `+` is itself: this is
 * not a form. Undefined where an escape is malformed or a character is no byte.
 */
export function decodeBytes(value: string): Buffer | undefined {
  const bytes = Buffer.allocUnsafe(value.length)
  let length = 0
  for (let i = 0; i < value.length; i++) {
    let code = value.charCodeAt(i)
    if (code === PERCENT) {
      code = hexDigit(value.charCodeAt(i + 1)) * 16 + hexDigit(value.charCodeAt(i + 2))
      i += 2
    }
    if (!(code <= 255)) return undefined
    bytes[length++] = code
  }
  return bytes.subarray(0, length)
}

/** The value of a hex digit's character code; NaN where it is none. */
function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  const lower = code | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : Number.NaN
}

/** Bytes as a query value: letters, digits and `-._~` as they are, all else escaped. */
export function encodeBytes(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) {
    const character = String.fromCharCode(byte)
    text += /[A-Za-z0-9._~-]/.test(character) ? character : `%${byte.toString(16).padStart(2, '0')}`
  }
  return text
}
