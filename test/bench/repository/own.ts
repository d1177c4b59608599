import type { Redis } from 'ioredis'
import { makeBatcher } from '../../../lib/store/batcher.ts'
import { makeKeys } from '../../../lib/store/keys.ts'
import { readCounts } from '../../../lib/store/layout.ts'
import { makeRecords, STORED_REPORT_BYTES } from '../../../lib/store/records.ts'
import { loadScript, runScript } from '../../../lib/store/scripts.ts'
import { makeShardSweeper } from '../../../lib/store/sweep.ts'
import { makeShardWalker } from '../../../lib/store/walk.ts'
import type { StoredAnnounce, StoredReply } from '../../../lib/swarm/store.ts'
import { storeOn } from '../../support/store.ts'
import { type Clock, LIFETIME_S, type Repository } from './repository.ts'

const keys = makeKeys('')
const NO_PEERS = Buffer.alloc(0)

/** The product's own store, walker and sweeper. */
export function ownRepository(redis: Redis, clock: Clock, peerDetails = true): Repository {
  const nowS = () => clock.nowS
  const { announce, scrape } = storeOn(redis, { peerLifetimeS: LIFETIME_S, peerDetails }, nowS)
  const sweepPiece = makeShardSweeper({ redis, keys, peerLifetimeS: LIFETIME_S, nowS })
  return {
    announce,
    scrape,
    list: makeShardWalker({ redis, keys }),
    async sweep(shard) {
      let removed = 0
      for (;;) {
        const piece = await sweepPiece(shard)
        removed += piece.peersRemoved
        if (!piece.hasMore) return removed
      }
    },
  }
}

/** What the product has under way in two calls of 64; smaller calls go out as many at a time as make up for it. */
const ANNOUNCES_IN_FLIGHT = 128

/** The product's announce script and batcher, with another number of announces to a call. */
export function ownInBatchesOf(announcesPerCall: number, redis: Redis, clock: Clock): Repository {
  const script = loadScript('announce')
  const records = makeRecords(keys, true, Math.random)
  const announces = makeBatcher<StoredAnnounce, StoredReply>({
    write: records.write,
    itemBytesMax: records.recordBytesMax,
    callItemsMax: announcesPerCall,
    callsInFlightMax: Math.max(2, ANNOUNCES_IN_FLIGHT / announcesPerCall),
    itemsMax: 8192,
    async send(bytes, count) {
      const seed = Math.floor(Math.random() * 2 ** 31)
      const args = ['', LIFETIME_S, STORED_REPORT_BYTES, '', seed, clock.nowS, bytes]
      const reply = (await runScript(redis, script, [], args)) as (Buffer | null)[]
      records.learn(bytes, (i) => reply[2 * i])
      return Array.from({ length: count }, (_, i) => {
        const [head, peers] = [reply[2 * i], reply[2 * i + 1]]
        if (!head) return { ok: false, refusal: 'damaged' }
        return { ok: true, ...readCounts(head), peers: peers ?? NO_PEERS, isNewTorrent: !peers }
      })
    },
    refuse: (error) => {
      throw error
    },
    isSilence: () => false,
    overflow: () => ({ ok: false, refusal: 'busy' }),
  })
  return { announce: announces.add }
}
