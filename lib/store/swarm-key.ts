import type { InfoHash } from '../wire/info-hash.ts'
import type { Keys } from './keys.ts'

const HEX_CHARS = 40
/** The shard's three digits and `}:` stand before the info hash. */
const SHARD_BEFORE = 5

/** Two hex digits of each byte, as a number that is written at once. */
export const HEX_PAIRS = new Uint16Array(256)
for (let byte = 0; byte < 256; byte++) {
  HEX_PAIRS[byte] = Buffer.from(byte.toString(16).padStart(2, '0')).readUInt16LE()
}

/** Writes keys of swarms, without making text of them. */
export type SwarmKeyWriter = {
  /** Bytes of a key, and where in it the 40 hex digits of the info hash begin. */
  bytes: number
  hexAt: number
  /** Writes the key of a swarm at `at`; answers where it ends. */
  write: (into: Buffer, at: number, infoHash: InfoHash) => number
}

/** The writer of a tracker's keys. */
export function makeSwarmKeyWriter(keys: Keys): SwarmKeyWriter {
  const pattern = Buffer.from(keys.swarm('0'.repeat(HEX_CHARS)))
  const hexAt = pattern.length - HEX_CHARS
  return {
    bytes: pattern.length,
    hexAt,
    write(into, at, infoHash) {
      pattern.copy(into, at)
      const digitsAt = at + hexAt
      for (let i = 0; i < HEX_CHARS / 2; i++) {
        into.writeUInt16LE(HEX_PAIRS[infoHash[i] as number] as number, digitsAt + 2 * i)
      }
      into.copyWithin(digitsAt - SHARD_BEFORE, digitsAt, digitsAt + 3)
      return at + pattern.length
    },
  }
}
