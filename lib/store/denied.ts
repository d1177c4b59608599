import type { Denied } from '../swarm/denied.ts'
import { INFO_HASH_BYTES, infoHashFromHex } from '../wire/info-hash.ts'
import { makeRowHeap, type PrefixRows } from '../wire/prefix-rows.ts'
import type { RedisClient } from './client.ts'
import type { Keys } from './keys.ts'
import { type List, type ListEntry, makeList } from './list.ts'
import type { ListReader } from './list-copy.ts'
import { untilValue, writeUntil } from './until.ts'

/** Denied torrents at most: 3.3 MB of each frontend, and 10 MB of Redis. */
export const DENIED_MAX = 100_000

/** The torrents that are not served, in Redis: by their info hashes, 40 hex digits, each with until when, 0 for ever. */
export const makeDeniedList = ({ redis, keys }: { redis: RedisClient; keys: Keys }): List =>
  makeList(redis, keys.denied, {
    max: DENIED_MAX,
    tooMany: `there are ${DENIED_MAX.toLocaleString('en-US')} denied torrents already, which is the most: allow some again, or serve listed ones alone (REDSWARM_LISTED)`,
  })

/** A denied torrent as the list has it. */
export const deniedEntry = ({ infoHash, untilS }: Denied): ListEntry => [
  infoHash.toString('hex'),
  String(writeUntil(untilS)),
]

/** Reads denied torrents; `viewOf` makes of them what is wanted. */
export function makeDeniedReader<View>(viewOf: (rows: PrefixRows) => View): ListReader<View> {
  const heap = makeRowHeap(INFO_HASH_BYTES / 4)
  return {
    take: (entries) =>
      heap.add(
        entries.flatMap(([hex, until]) => {
          const bytes = infoHashFromHex(hex)
          return bytes ? [{ bytes, bits: 8 * INFO_HASH_BYTES, value: untilValue(until) }] : []
        }),
      ),
    view: () => viewOf(heap.rows()),
  }
}

/** Whether what a list says of a torrent still holds. */
export const isStillDenied = (until: string | undefined, nowS: number): boolean =>
  until !== undefined && untilValue(until) > nowS
