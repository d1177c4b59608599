/** Sees one entry of a dictionary: its key, and where in the bytes its value is. */
export type Visit = (key: string, at: number, end: number) => void

const [INTEGER, LIST, DICTIONARY, END, COLON, ZERO, NINE] = [0x69, 0x6c, 0x64, 0x65, 0x3a, 0x30, 0x39]
/** Deeper than any tracker's reply. */
const DEPTH_MAX = 8

/**
 * Goes through the entries of the bencoded dictionary at `at`, in place; answers where it ends, -1 where it is malformed.
 * The `bencode` library would make an object, and a view for each text, of every reply of a load.
 */
export function scanDictionary(bytes: Buffer, at: number, visit: Visit): number {
  if (bytes[at] !== DICTIONARY) return -1
  let next = at + 1
  while (next < bytes.length && bytes[next] !== END) {
    const keyEnd = endOfText(bytes, next)
    if (keyEnd < 0) return -1
    const keyAt = startOfText(bytes, next)
    const end = endOfValue(bytes, keyEnd, 0)
    if (end < 0) return -1
    visit(bytes.toString('latin1', keyAt, keyEnd), keyEnd, end)
    next = end
  }
  return next < bytes.length ? next + 1 : -1
}

/** Goes through the values of the list at `at`, likewise. */
export function scanList(bytes: Buffer, at: number, visit: (at: number, end: number) => void): number {
  if (bytes[at] !== LIST) return -1
  let next = at + 1
  while (next < bytes.length && bytes[next] !== END) {
    const end = endOfValue(bytes, next, 0)
    if (end < 0) return -1
    visit(next, end)
    next = end
  }
  return next < bytes.length ? next + 1 : -1
}

/** Whether the value there is text (bytes). */
export const isText = (bytes: Buffer, at: number): boolean =>
  (bytes[at] as number) >= ZERO && (bytes[at] as number) <= NINE

/** Where the bytes of a text begin; `at` is where its length is. */
export function startOfText(bytes: Buffer, at: number): number {
  let next = at
  while (bytes[next] !== COLON) next += 1
  return next + 1
}

/** The integer that is there; NaN where there is none. */
export function readInteger(bytes: Buffer, at: number, end: number): number {
  return bytes[at] === INTEGER ? Number(bytes.toString('latin1', at + 1, end - 1)) : Number.NaN
}

function endOfText(bytes: Buffer, at: number): number {
  let length = 0
  let next = at
  for (; next < bytes.length && isText(bytes, next); next++) length = length * 10 + (bytes[next] as number) - ZERO
  if (next === at || bytes[next] !== COLON) return -1
  const end = next + 1 + length
  return end <= bytes.length ? end : -1
}

function endOfValue(bytes: Buffer, at: number, depth: number): number {
  if (isText(bytes, at)) return endOfText(bytes, at)
  if (bytes[at] === INTEGER) {
    const end = bytes.indexOf(END, at + 1)
    return end < 0 ? -1 : end + 1
  }
  if ((bytes[at] !== LIST && bytes[at] !== DICTIONARY) || depth === DEPTH_MAX) return -1
  // Keys and values come in turns: for where it ends, a dictionary is a list.
  let next = at + 1
  while (next < bytes.length && bytes[next] !== END) {
    next = endOfValue(bytes, next, depth + 1)
    if (next < 0) return -1
  }
  return next < bytes.length ? next + 1 : -1
}
