import type { Endpoint } from '../wire/endpoint.ts'
import { HEAD_BYTES } from './layout.ts'

/** Large swarms that a frontend remembers at most: 2 MB. One more takes the place of another. */
export const SWARMS_REMEMBERED = 2 ** 17
/** The info hash as hex: 40 bytes of text. */
const HEX_BYTES = 40
/** Of a head, what chunks are chosen by: how many each list has (4 u16), and the salt (u32). */
const CHUNKS_AT = 12
/** Bytes of that. */
export const CHUNKS_BYTES = HEAD_BYTES - CHUNKS_AT
const SALT_AT = 8

/**
 * What a frontend remembers of large swarms: into which chunks their peers go, as their heads said in the last replies. With
 * it the frontend names the chunks, for which the script would else take 8 % more. The script holds it against the head
 * before it believes it, so that what is forgotten, or has changed since, costs that time and nothing else.
 */
export type RememberedChunks = {
  /** Where in `bytes` what is known of a swarm begins; undefined where it is not known to be large. `hex`: its info hash. */
  find: (hex: Buffer, hexAt: number) => number | undefined
  /** `CHUNKS_BYTES` for each swarm. */
  bytes: Buffer
  /** Remembers what a swarm's packed head says. */
  learn: (hex: Buffer, hexAt: number, head: Buffer) => void
}

/** A memory in which nothing is yet. */
export function makeRememberedChunks(): RememberedChunks {
  const tags = new Uint32Array(SWARMS_REMEMBERED)
  const bytes = Buffer.alloc(SWARMS_REMEMBERED * CHUNKS_BYTES)
  return {
    bytes,
    find(hex, hexAt) {
      const slot = slotOf(hex, hexAt)
      return tags[slot] === tagOf(hex, hexAt) ? slot * CHUNKS_BYTES : undefined
    },
    learn(hex, hexAt, head) {
      if (head.length !== HEAD_BYTES) return
      const slot = slotOf(hex, hexAt)
      const tag = tagOf(hex, hexAt)
      const isLarge = head.readUInt32BE(CHUNKS_AT) !== 0 || head.readUInt32BE(CHUNKS_AT + 4) !== 0
      if (isLarge) {
        tags[slot] = tag
        for (let i = 0; i < CHUNKS_BYTES; i++) bytes[slot * CHUNKS_BYTES + i] = head[CHUNKS_AT + i] as number
      } else if (tags[slot] === tag) tags[slot] = 0
    },
  }
}

/** How many chunks one of `LISTS` has. `at`: where a swarm's `CHUNKS_BYTES` begin. */
export const chunkCount = (bytes: Buffer, at: number, list: number): number => bytes.readUInt16BE(at + 2 * list)

const PRIME = 1_048_573

/** Which chunk of one of `LISTS` holds an endpoint: `lua/include/chunk_of.lua` in TypeScript. */
export function chunkOf(bytes: Buffer, at: number, list: number, endpoint: Endpoint): number {
  const chunks = chunkCount(bytes, at, list)
  if (chunks <= 1) return 0
  const salt = bytes.readUInt32BE(at + SALT_AT)
  const step = endpoint.length === 6 ? 2 : 3
  let hash = 0
  for (let i = 0; i < endpoint.length; i += step) hash = (hash * salt + endpoint.readUIntBE(i, step)) % PRIME
  hash = (((hash * hash) % PRIME) * hash) % PRIME
  const whole = 2 ** (32 - Math.clz32(chunks))
  const number = hash % whole
  return number >= chunks ? number - whole / 2 : number
}

/** Info hashes are evenly spread by nature, but not so the bytes of their text. */
const slotOf = (hex: Buffer, at: number): number =>
  (Math.imul(hex.readUInt32LE(at + 8), 0x9e3779b1) ^ Math.imul(hex.readUInt32LE(at + 16), 0x85ebca6b)) >>> 15

/** Tells swarms of one slot apart; 0 is no swarm's. */
const tagOf = (hex: Buffer, at: number): number =>
  ((Math.imul(hex.readUInt32LE(at + HEX_BYTES - 16), 0xc2b2ae35) ^ hex.readUInt32LE(at + HEX_BYTES - 8)) | 1) >>> 0
