import { readFileSync } from 'node:fs'
import type { Redis } from 'ioredis'
import { makeBatcher } from '../../../lib/store/batcher.ts'
import { makeKeys } from '../../../lib/store/keys.ts'
import { readCounts } from '../../../lib/store/layout.ts'
import { makeRecords } from '../../../lib/store/records.ts'
import { makeScript, runScript } from '../../../lib/store/scripts.ts'
import type { ListedTorrent } from '../../../lib/store/walk.ts'
import type { StoredAnnounce, StoredReply } from '../../../lib/swarm/store.ts'
import type { Counts } from '../../../lib/wire/counts.ts'
import { type Clock, LIFETIME_S, type Repository } from './repository.ts'

const keys = makeKeys('')

const scriptOf = (name: string) => makeScript(name, readFileSync(new URL(`${name}.lua`, import.meta.url), 'utf8'))

/** As many as the product's. */
const ANNOUNCES_PER_CALL = 64
const SCRAPES_PER_CALL = 256
const CALLS_IN_FLIGHT = 2
const ITEMS_MAX = 8192
/** Peers removed in one call of a sweep, as many as the product's looks at. */
const PEERS_PER_PIECE = 300
const SCAN_COUNT = 250

/** A sorted set of endpoints per role and family, and a hash of details: what one would build first. */
export function sortedSets(redis: Redis, clock: Clock): Repository {
  const announceScript = scriptOf('sorted_sets')
  const scrapeScript = scriptOf('sorted_sets_scrape')
  const sweepScript = scriptOf('sorted_sets_sweep')
  const records = makeRecords(keys, true, Math.random)
  const limits = {
    callsInFlightMax: CALLS_IN_FLIGHT,
    itemsMax: ITEMS_MAX,
    isSilence: () => false,
    refuse: (error: unknown): never => {
      throw error
    },
  }

  const announces = makeBatcher<StoredAnnounce, StoredReply>({
    ...limits,
    write: records.write,
    itemBytesMax: records.recordBytesMax,
    callItemsMax: ANNOUNCES_PER_CALL,
    overflow: () => ({ ok: false, refusal: 'busy' }),
    async send(bytes, count) {
      const args = [LIFETIME_S, Math.floor(Math.random() * 2 ** 31), clock.nowS, bytes]
      const reply = (await runScript(redis, announceScript, [], args)) as Buffer[]
      return Array.from({ length: count }, (_, i) => ({
        ok: true,
        ...readCounts(reply[2 * i] as Buffer),
        peers: reply[2 * i + 1] as Buffer,
      }))
    },
  })

  const readHeads = async (names: string | Buffer): Promise<Counts[]> =>
    ((await runScript(redis, scrapeScript, [], [names])) as Buffer[]).map(readCounts)

  const scrapes = makeBatcher<Buffer, Counts | 'busy'>({
    ...limits,
    write: (into, at, infoHash) => at + into.write(keys.swarm(infoHash.toString('hex')), at, 'latin1'),
    itemBytesMax: keys.swarm('0'.repeat(40)).length,
    callItemsMax: SCRAPES_PER_CALL,
    overflow: () => 'busy',
    send: readHeads,
  })

  return {
    announce: announces.add,
    scrape: scrapes.add,
    async list(shard) {
      const torrents = new Map<string, ListedTorrent>()
      let cursor = '0'
      do {
        const [next, members] = await redis.zscan(keys.torrents(shard), cursor, 'COUNT', SCAN_COUNT)
        const hexes = members.filter((_, i) => i % 2 === 0)
        const counts = hexes.length > 0 ? await readHeads(hexes.map(keys.swarm).join('')) : []
        for (const [i, hex] of hexes.entries()) torrents.set(hex, { hex, ...(counts[i] as Counts) })
        cursor = next
      } while (cursor !== '0')
      return [...torrents.values()].sort((a, b) => (a.hex < b.hex ? -1 : 1))
    },
    async sweep(shard) {
      let removed = 0
      for (;;) {
        const args = [LIFETIME_S, PEERS_PER_PIECE, clock.nowS]
        const [more, gone] = (await runScript(redis, sweepScript, [keys.torrents(shard)], args)) as [number, number]
        removed += gone
        if (more === 0) return removed
      }
    },
  }
}
