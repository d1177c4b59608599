import { type ClientRule, RULE_VALUES } from '../swarm/clients.ts'
import { PEER_ID_BYTES } from '../wire/info-hash.ts'
import { parsePeerIdPrefix, peerIdPrefixText } from '../wire/peer-id-prefix.ts'
import { bytesOfRow, GONE, makeRowHeap, type PrefixRows } from '../wire/prefix-rows.ts'
import type { RedisClient } from './client.ts'
import type { Keys } from './keys.ts'
import { type List, makeList } from './list.ts'
import type { ListReader } from './list-copy.ts'

/** Rules at most: a client of which there are many versions is one prefix. */
export const CLIENTS_MAX = 1000

/** The clients that are served, or are not, in Redis: by what their peer ids begin with, each `allow` or `deny`. */
export const makeClientList = ({ redis, keys }: { redis: RedisClient; keys: Keys }): List =>
  makeList(redis, keys.clients, {
    max: CLIENTS_MAX,
    tooMany: `there are ${CLIENTS_MAX.toLocaleString('en-US')} prefixes of clients already, which is the most: a shorter one is of more of them`,
  })

/** Whether a text is a rule. */
export const isClientRule = (text: string): text is ClientRule => Object.hasOwn(RULE_VALUES, text)

/** Reads the rules; `viewOf` makes of them what is wanted. */
export function makeClientReader<View>(viewOf: (rows: PrefixRows) => View): ListReader<View> {
  const heap = makeRowHeap(PEER_ID_BYTES / 4)
  return {
    take: (entries) =>
      heap.add(
        entries.flatMap(([text, rule]) => {
          const prefix = parsePeerIdPrefix(text)
          if (!prefix || !(rule === '' || isClientRule(rule))) return []
          const bytes = Buffer.alloc(PEER_ID_BYTES)
          prefix.copy(bytes)
          return [{ bytes, bits: 8 * prefix.length, value: rule === '' ? GONE : RULE_VALUES[rule] }]
        }),
      ),
    view: () => viewOf(heap.rows()),
  }
}

/** The rules as text, in order. */
export const rulesOf = (rows: PrefixRows): [prefix: string, rule: ClientRule][] =>
  Array.from({ length: rows.length }, (_, row) => [
    peerIdPrefixText(bytesOfRow(rows, row).subarray(0, (rows.bits[row] as number) / 8)),
    rows.values[row] === RULE_VALUES.allow ? 'allow' : 'deny',
  ])
