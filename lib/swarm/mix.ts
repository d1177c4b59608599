/**
 * A hash so far, with one word more: the last steps of MurmurHash3. From a seed of a process's chance on, nobody can foresee it
 * who does not know the seed.
 */
export function mix(hash: number, word: number): number {
  let mixed = hash ^ word
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85eb_ca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35)
  return mixed ^ (mixed >>> 16)
}

/** Four bytes as a word, in half the time of Buffer's own. */
export const wordAt = (bytes: Uint8Array, at: number): number =>
  (bytes[at] as number) |
  ((bytes[at + 1] as number) << 8) |
  ((bytes[at + 2] as number) << 16) |
  ((bytes[at + 3] as number) << 24)
