/** The first bits of some bytes, a network say, and what is known of it: a number above 0, or `GONE`. Bits after those are 0. */
export type Prefix = { bytes: Buffer; bits: number; value: number }

/** The value of a prefix that is no longer there. */
export const GONE = 0

/**
 * Prefixes in order, by their bytes and then by their bits, each once. Columns of numbers: 17 bytes for a network of IPv4 with what a
 * table adds, where an object takes 200.
 */
export type PrefixRows = {
  length: number
  /** How many words, of 4 bytes, what a prefix is of has. */
  width: number
  words: Uint32Array
  bits: Uint8Array
  values: Float64Array
}

/** Rows without any in them yet. */
const makeRows = (width: number, length: number): PrefixRows => ({
  ...{ length, width, words: new Uint32Array(length * width) },
  ...{ bits: new Uint8Array(length), values: new Float64Array(length) },
})

/**
 * Some prefixes, in rows; of those that are the same, the last counts. `width`: words of what they are prefixes of. `isAll`: there
 * are none before them, so that what is gone is left out.
 */
export function sortPrefixes(prefixes: readonly Prefix[], width: number, isAll: boolean): PrefixRows {
  const sorted = prefixes.toSorted((a, b) => Buffer.compare(a.bytes, b.bytes) || a.bits - b.bits)
  const rows = makeRows(width, sorted.length)
  let length = 0
  for (const [i, { bytes, bits, value }] of sorted.entries()) {
    const next = sorted[i + 1]
    if ((next && next.bits === bits && next.bytes.equals(bytes)) || (isAll && value === GONE)) continue
    for (let word = 0; word < width; word++) rows.words[length * width + word] = bytes.readUInt32BE(4 * word)
    rows.bits[length] = bits
    rows.values[length] = value
    length += 1
  }
  return { ...rows, length }
}

/** All rows of both; of those that are the same, the newer counts. `isAll`: as above. */
export function mergeRows(older: PrefixRows, newer: PrefixRows, isAll: boolean): PrefixRows {
  const { width } = older
  const merged = makeRows(width, older.length + newer.length)
  let [length, a, b] = [0, 0, 0]
  while (a < older.length || b < newer.length) {
    const order = a === older.length ? 1 : b === newer.length ? -1 : compareRows(older, a, newer, b)
    const [rows, row] = order < 0 ? [older, a] : [newer, b]
    if (order <= 0) a += 1
    if (order >= 0) b += 1
    const value = rows.values[row] as number
    if (isAll && value === GONE) continue
    for (let word = 0; word < width; word++)
      merged.words[length * width + word] = rows.words[row * width + word] as number
    merged.bits[length] = rows.bits[row] as number
    merged.values[length] = value
    length += 1
  }
  return { ...merged, length }
}

function compareRows(a: PrefixRows, i: number, b: PrefixRows, j: number): number {
  for (let word = 0; word < a.width; word++) {
    const difference = (a.words[i * a.width + word] as number) - (b.words[j * b.width + word] as number)
    if (difference !== 0) return difference
  }
  return (a.bits[i] as number) - (b.bits[j] as number)
}

/** The first row after a prefix in order, whether that is there or not. */
export function rowAfter(rows: PrefixRows, bytes: Buffer, bits: number): number {
  const wanted = sortPrefixes([{ bytes, bits, value: 1 }], rows.width, true)
  let [low, high] = [0, rows.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareRows(rows, middle, wanted, 0) > 0) high = middle
    else low = middle + 1
  }
  return low
}

/** The bytes of a prefix. */
export function bytesOfRow({ width, words }: PrefixRows, row: number): Buffer {
  const bytes = Buffer.alloc(4 * width)
  for (let word = 0; word < width; word++) bytes.writeUInt32BE(words[row * width + word] as number, 4 * word)
  return bytes
}

/**
 * Rows that are read a thousand at a time, say, in no order: sorted some at a time, and merged when as many have come again, so that
 * nothing takes long at once.
 */
export function makeRowHeap(width: number): { add: (prefixes: readonly Prefix[]) => void; rows: () => PrefixRows } {
  const parts: PrefixRows[] = []
  const mergeLast = (): void => {
    const [newer, older] = [parts.pop(), parts.pop()] as [PrefixRows, PrefixRows]
    parts.push(mergeRows(older, newer, parts.length === 0))
  }
  return {
    add(prefixes) {
      parts.push(sortPrefixes(prefixes, width, parts.length === 0))
      while (parts.length > 1 && (parts.at(-2)?.length as number) <= (parts.at(-1)?.length as number)) mergeLast()
    },
    rows() {
      while (parts.length > 1) mergeLast()
      return parts[0] ?? makeRows(width, 0)
    },
  }
}
