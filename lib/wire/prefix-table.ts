import type { PrefixRows } from './prefix-rows.ts'

/** Finds which of many prefixes some bytes begin with. */
export type PrefixTable = {
  /** The row of the longest prefix that the bytes from there on begin with; -1 where there is none. */
  find: (bytes: Buffer, from: number) => number
  /** For each row, that of the next shorter prefix that it begins with; -1 where there is none. */
  parents: Int32Array
  values: Float64Array
}

/** So many bits are looked up at once, where there are so many prefixes that it pays: 256 kB. */
const INDEX_BITS = 16
const INDEX_ROWS_LEAST = 64
const WORDS_MAX = 5

/** The table of some rows. A look-up is a binary search: 20 to 60 ns, of 500,000 prefixes as well. */
export function makePrefixTable(rows: PrefixRows): PrefixTable {
  const { length, width, words, bits, values } = rows
  const parents = parentsOf(rows)
  const index = length < INDEX_ROWS_LEAST ? undefined : indexOf(rows)
  const key = new Uint32Array(WORDS_MAX)

  /** Whether a row stands after the bytes in `key`, of which the first word has been found to be the row's. */
  const isAfterKey = (row: number): boolean => {
    for (let word = 1; word < width; word++) {
      const found = words[row * width + word] as number
      const wanted = key[word] as number
      if (found !== wanted) return found > wanted
    }
    return false
  }

  const find = (bytes: Buffer, from: number): number => {
    if (length === 0) return -1
    const first = wordAt(bytes, from)
    key[0] = first
    for (let word = 1; word < width; word++) key[word] = wordAt(bytes, from + 4 * word)
    const head = first >>> (32 - INDEX_BITS)
    let low = index === undefined ? 0 : (index[head] as number)
    let high = index === undefined ? length : (index[head + 1] as number)
    while (low < high) {
      const middle = (low + high) >>> 1
      const found = words[middle * width] as number
      if (found > first || (found === first && isAfterKey(middle))) high = middle
      else low = middle + 1
    }
    // What the bytes begin with stands before them, and the last that does so begins with it.
    let row = low - 1
    while (row >= 0 && !beginsWith(key, 0, words, row * width, bits[row] as number)) row = parents[row] as number
    return row
  }
  return { find, parents, values }
}

/** A word of the bytes: `readUInt32BE` takes twice as long. */
const wordAt = (bytes: Buffer, at: number): number =>
  (((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)) >>>
  0

/** Whether words from a place on begin with as many bits as those from another. */
function beginsWith(words: Uint32Array, at: number, prefix: Uint32Array, from: number, bits: number): boolean {
  const whole = bits >>> 5
  for (let word = 0; word < whole; word++) if (words[at + word] !== prefix[from + word]) return false
  const rest = bits & 31
  return rest === 0 || ((words[at + whole] as number) ^ (prefix[from + whole] as number)) >>> (32 - rest) === 0
}

function parentsOf({ length, width, words, bits }: PrefixRows): Int32Array {
  const parents = new Int32Array(length)
  for (let row = 0; row < length; row++) {
    let parent = row - 1
    while (parent >= 0 && !beginsWith(words, row * width, words, parent * width, bits[parent] as number))
      parent = parents[parent] as number
    parents[row] = parent
  }
  return parents
}

/** For each value of the first bits, the first row that does not come before it; of those before, the last is found by it. */
function indexOf({ length, width, words }: PrefixRows): Uint32Array {
  const index = new Uint32Array(2 ** INDEX_BITS + 1)
  for (let row = 0; row < length; row++) {
    const next = ((words[row * width] as number) >>> (32 - INDEX_BITS)) + 1
    index[next] = (index[next] as number) + 1
  }
  for (let head = 1; head < index.length; head++) index[head] = (index[head] as number) + (index[head - 1] as number)
  return index
}
