/** Copies a few bytes: up to about 32, a loop is cheaper (5 to 20 ns) than `Buffer.copy` (45 ns). */
export function copyBytes(from: Uint8Array, fromAt: number, into: Uint8Array, at: number, count: number): void {
  for (let i = 0; i < count; i++) into[at + i] = from[fromAt + i] as number
}
