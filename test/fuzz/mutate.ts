import type { Target } from './target.ts'

/** Chance that repeats from its seed: mulberry32. */
export function makeRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const MUTATIONS_MAX = 6
const PIECE_BYTES_MAX = 64
/** Where lengths, signs and escapes go wrong. */
const BYTES = [0, 1, 2, 3, 4, 0x7f, 0x80, 0xfe, 0xff, ...Buffer.from('0159afAF%&=+-.:,/ \r\n[]')]
const NUMBERS = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff, 0x417, 0x2710_1980, 255, 256, 65535, 65536]

/** Makes inputs out of the ones that are known: one to six small changes of one of them. */
export function makeMutator(target: Target, random: () => number) {
  const upTo = (count: number): number => Math.floor(random() * count)
  const oneOf = <T>(list: readonly T[]): T => list[upTo(list.length)] as T
  const piece = (input: Buffer): Buffer => {
    const from = upTo(input.length)
    return input.subarray(from, from + 1 + upTo(PIECE_BYTES_MAX))
  }
  const splice = (input: Buffer, at: number, removed: number, added: Uint8Array): Buffer =>
    Buffer.concat([input.subarray(0, at), added, input.subarray(at + removed)])
  const withByte = (input: Buffer, change: (byte: number) => number): Buffer => {
    const at = upTo(input.length)
    return splice(input, at, 1, Buffer.from([change(input[at] ?? 0)]))
  }
  const number = (): Buffer => {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(oneOf(NUMBERS))
    return bytes.subarray(oneOf([0, 2]))
  }

  const changes: ((input: Buffer, known: readonly Buffer[]) => Buffer)[] = [
    (input) => withByte(input, (byte) => byte ^ (1 << upTo(8))),
    (input) => withByte(input, () => upTo(256)),
    (input) => withByte(input, () => oneOf(BYTES)),
    (input) => withByte(input, (byte) => byte + oneOf([-1, 1, 0x20])),
    (input) => splice(input, upTo(input.length + 1), 0, Buffer.from([oneOf(BYTES)])),
    (input) => splice(input, upTo(input.length + 1), 1 + upTo(PIECE_BYTES_MAX), Buffer.alloc(0)),
    (input) => input.subarray(0, upTo(input.length + 1)),
    (input) => splice(input, upTo(input.length + 1), 0, piece(input)),
    (input) => splice(input, upTo(input.length + 1), upTo(9), number()),
    (input, known) => splice(input, upTo(input.length + 1), 0, piece(oneOf(known))),
    (input, known) => Buffer.concat([input.subarray(0, upTo(input.length + 1)), oneOf(known)]),
    (input) => {
      const word = Buffer.from(target.words.length > 0 ? oneOf(target.words) : '', 'latin1')
      return splice(input, upTo(input.length + 1), oneOf([0, word.length]), word)
    },
  ]

  return (known: readonly Buffer[]): Buffer => {
    // The newest are likeliest to be at the edge of what is known.
    let input: Buffer = random() < 0.5 ? oneOf(known) : oneOf(known.slice(-16))
    for (let left = 1 + upTo(MUTATIONS_MAX); left > 0; left--) input = oneOf(changes)(input, known)
    return Buffer.from(input.subarray(0, target.inputBytesMax))
  }
}
