import type { Counts } from '../wire/counts.ts'

/** Bytes of a swarm's packed head (docs/redis-keys.md). */
export const HEAD_BYTES = 24

/** The lists of a swarm's peers, in the order of their chunk counts in the head: role, then family. */
export const LISTS = ['l4', 's4', 'l6', 's6'] as const

const CHUNK_COUNTS_AT = 12

/** The counts in a packed head. */
export const readCounts = (head: Buffer): Counts => ({
  leechers: head.readUInt32BE(0),
  seeders: head.readUInt32BE(4),
  completed: head.readUInt32BE(8),
})

/** How many chunks each of `LISTS` has; all zero in a small swarm, whose peers are in its own hash. */
export const readChunkCounts = (head: Buffer): number[] =>
  LISTS.map((_, i) => head.readUInt16BE(CHUNK_COUNTS_AT + 2 * i))

/** The key of a chunk's hash. */
export const chunkKey = (swarmKey: string, list: (typeof LISTS)[number], number: number): string =>
  `${swarmKey}:${list}:${number.toString(16).padStart(4, '0')}`
