/** Chance that repeats, for loads and samples: xorshift128, seeded by constants and a number. Nothing secret comes of it. */
export function makeRandom(seed = 1): () => number {
  let [a, b, c, d] = [0x9e3779b9, 0x243f6a88, 0xb7e15162, Math.imul(seed - 1, 0x9e3779b1) ^ 1]
  return () => {
    const first = a ^ (a << 11)
    a = b
    b = c
    c = d
    d = d ^ (d >>> 19) ^ (first ^ (first >>> 8))
    return (d >>> 0) / 2 ** 32
  }
}

/** A seed of some chance, 0 to 1, for tables whose places nobody may foresee: any word of 32 bits. */
export const seedFrom = (random: () => number): number => Math.floor(random() * 2 ** 32) | 0
