import type { Ban } from '../swarm/bans.ts'
import { networkText, parseNetwork } from '../wire/network.ts'
import { makeNetworkHeap, type NetworkRows } from '../wire/network-table.ts'
import type { RedisClient } from './client.ts'
import type { Keys } from './keys.ts'
import { type List, type ListEntry, makeList } from './list.ts'
import type { ListReader } from './list-copy.ts'
import { untilValue, writeUntil } from './until.ts'

/**
 * Bans at most, five of the longest lists that are about: 17 MB of each frontend, and as much again while one is changed (of
 * IPv6, twice as much); 90 MB of Redis.
 */
export const BANS_MAX = 1_000_000

/** The addresses and networks that are banned, in Redis: by their text, each with until when, 0 for ever. */
export const makeBanList = ({ redis, keys }: { redis: RedisClient; keys: Keys }): List =>
  makeList(redis, keys.bans, {
    max: BANS_MAX,
    tooMany: `there are ${BANS_MAX.toLocaleString('en-US')} bans already, which is the most: remove some, or ban whole networks`,
  })

/** A ban as the list has it. */
export const banEntry = ({ network, untilS }: Ban): ListEntry => [networkText(network), String(writeUntil(untilS))]

/** Reads bans: their networks, in order, with until when; `viewOf` makes of them what is wanted. */
export function makeBanReader<View>(viewOf: (rows: NetworkRows) => View): ListReader<View> {
  const heap = makeNetworkHeap()
  return {
    take: (entries) =>
      heap.add(
        entries.flatMap(([text, until]) => {
          const network = parseNetwork(text)
          // What somebody else wrote and is no network bans nobody.
          return network ? [{ network, value: untilValue(until) }] : []
        }),
      ),
    view: () => viewOf(heap.rows()),
  }
}
