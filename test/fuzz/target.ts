/** What is fuzzed: a check that reads any bytes and throws where a property does not hold. */
export type Target = {
  name: string
  /** The property in a sentence. */
  holds: string
  /** No input is longer. */
  inputBytesMax: number
  /** Inputs to start from, beside those of corpus/. */
  seeds: readonly Buffer[]
  /** Pieces that chance alone would be long in finding; text is latin1. */
  words: readonly string[]
  check: (input: Buffer) => void | Promise<void>
}

/** Text as the wire has it, a character a byte. */
export const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')

/** Reads an input piece by piece; past its end come zeros, so that every input is a whole one. */
export function makeReader(input: Buffer) {
  let at = 0
  const bytes = (count: number): Buffer => {
    const piece = Buffer.alloc(count)
    at += input.copy(piece, 0, at, at + count)
    return piece
  }
  return {
    bytes,
    u8: () => bytes(1).readUInt8(),
    u16: () => bytes(2).readUInt16BE(),
    u32: () => bytes(4).readUInt32BE(),
    u64: () => bytes(8).readBigUInt64BE(),
    /** What is left. */
    rest: () => bytes(Math.max(0, input.length - at)),
  }
}
