import { createHash } from 'node:crypto'
import { type Case, WAYS, type Way, wayName } from './case.ts'

/** Info hashes whose very bytes are what a case is about. */
export const BYTES = {
  letters: Buffer.from('Q'.repeat(20)),
  plus: Buffer.from('+'.repeat(20)),
  high: Buffer.alloc(20, 0xef),
  zeros: Buffer.from(`\0${'a'.repeat(9)}\0${'b'.repeat(8)}\0`),
} as const

/** Info hashes that a case may use where it does not say how many. */
const HASHES = 4

/** The info hashes of a case, for one way of running it: always the same, so that a whitelist can be written before. */
export function hashesOf(entry: Case, way: Way | undefined, salt: string): (n?: number) => Buffer {
  const count = 'run' in entry ? (entry.hashes ?? HASHES) : 0
  return (n = 0) => {
    if (n >= count) throw new RangeError(`case ${entry.number} names ${count} info hashes`)
    return madeFrom(`${salt} ${entry.number} ${way ? wayName(way) : ''} ${n}`)
  }
}

/** Bytes below 0x80 only: what a tracker makes of others is one case's business, not that of all. */
const madeFrom = (text: string): Buffer =>
  Buffer.from(
    createHash('sha1')
      .update(text)
      .digest()
      .map((byte) => byte & 0x7f),
  )

/** Every info hash that these cases may use, but for those that they must not find listed. */
export function allHashes(cases: readonly Case[], salt: string): Buffer[] {
  const found: Buffer[] = Object.values(BYTES)
  for (const entry of cases) {
    if (!('run' in entry)) continue
    for (const way of entry.ways ? WAYS : [undefined]) {
      const hash = hashesOf(entry, way, salt)
      for (let n = 0; n < (entry.hashes ?? HASHES); n++) found.push(hash(n))
    }
  }
  return found
}
