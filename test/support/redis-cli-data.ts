import type { Redis } from 'ioredis'
import { makeCounters } from '../../lib/observe/counters.ts'
import { keepAuditResult } from '../../lib/store/audit/result.ts'
import { auditAll } from '../../lib/store/audit.ts'
import { makeInstanceBeat } from '../../lib/store/instances.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { makePasskeyStore } from '../../lib/store/passkeys.ts'
import { writeRanks } from '../../lib/store/ranks.ts'
import { makeStatsFlusher } from '../../lib/store/stats.ts'
import { askSweepPermit, markServed } from '../../lib/store/sweep.ts'
import { makeShardWalker } from '../../lib/store/walk.ts'
import { makeWhitelist } from '../../lib/store/whitelist.ts'
import { EVENT, makeReport } from '../../lib/wire/announce.ts'
import { rankAll } from '../../services/sweeper/rank.ts'
import { announceOf, at, hashOf, storeOn } from './store.ts'

const keys = makeKeys('')
const SMALL = hashOf('6161616161616161616161616161616161616161')
const LARGE = hashOf('616f0d9b2c67a1b2c3d4e5f60718293a4b5c6d7e')
const OTHER = hashOf('09a4bea12e4edcf8aad730a222793324dc42c29d')
/** Of these swarms. */
const SHARDS = ['09a', '616']
const PASSKEY = 'pWz0gjDUPyAdPPelT7inkkInZIxFl9lB'
/** The first process is to be heard of until all commands of the page have run. */
const UNTIL_READ_S = 60
const peerId = (begin: string) => Buffer.from(begin.padEnd(20, 'x'), 'latin1')

/** What the page docs/redis-cli.md shows: a tracker's data, each part written by that which writes it in a tracker. */
export async function writeTrackerData(redis: Redis): Promise<void> {
  const nowS = Number((await redis.time())[0])
  const store = storeOn(redis, { eventsMax: 10_000 })
  await store.announce(
    [0n, 5_123_000_000n].map((uploaded, i) =>
      announceOf({
        ...{ infoHash: SMALL, isSeeder: true, passkey: PASSKEY, event: i === 0 ? EVENT.completed : EVENT.none },
        report: makeReport(peerId('-qB4650-'), 700_000_000n, 0n, uploaded),
      }),
    ),
  )
  await store.announce([
    announceOf({
      ...{ infoHash: SMALL, endpoint: at('198.51.100.7', 51_413) },
      report: makeReport(peerId('-DE13F0-'), 650_000_000n, 50_000_000n, 1_200_000n),
    }),
    announceOf({
      ...{ infoHash: SMALL, endpoint: at('2001:db8::1') },
      report: makeReport(peerId('-TR4040-'), 1000n, 700_000_000n, 0n),
    }),
  ])
  await store.announce(
    Array.from({ length: 300 }, (_, i) => {
      const report = makeReport(peerId('-UT355W-'), 0n, i % 3 === 0 ? 0n : 5_000_000n, 0n)
      return announceOf({
        infoHash: LARGE,
        endpoint: at(`203.0.113.${i % 250}`, 6881 + i),
        isSeeder: i % 3 === 0,
        report,
      })
    }),
  )
  await store.announce([1, 2].map((i) => announceOf({ infoHash: OTHER, endpoint: at(`192.0.2.${i}`), isSeeder: true })))
  await makeWhitelist({ redis, keys }).add([SMALL])
  await makePasskeyStore({ redis, keys }).put({ passkey: PASSKEY, validUntilS: nowS + 86_400 })
  const counters = makeCounters()
  Object.assign(counters, { udp4_connections: 1802, udp4_announces: 48_210, udp4_scrapes: 97, udp4_errors: 12 })
  Object.assign(counters, { udp6_connections: 310, udp6_announces: 7004, tcp4_announces: 1310, udp_ignored: 4 })
  Object.assign(counters, { udp4_announces_refused: 5, refused_unlisted: 5 })
  await makeStatsFlusher({ redis, keys, counters, frontendId: 'one' })()
  for (const [id, changes] of [
    ['one', { roles: ['udp'], pid: 4711, listens: ['udp 0.0.0.0:6969', 'udp [::]:6969'], requestsPerS: 1834 }],
    ['two', { roles: ['sweeper'], pid: 4720, listens: [], requestsPerS: 0, at: nowS - 40 }],
  ] as const) {
    const instance = {
      ...{ id, host: 'tracker-1', version: '0.1.0', node: 'v24.21.0' },
      ...{ startedAt: nowS - 200_000, at: nowS + UNTIL_READ_S },
      ...{ rssBytes: 96_400_000, cpuCores: 0.21, ...changes },
    }
    const describe = () => ({ ...instance, roles: [...instance.roles], listens: [...instance.listens] })
    await makeInstanceBeat({ redis, keys, describe }).beat()
  }
  await rankAll({
    ...{ shards: SHARDS, walkShard: makeShardWalker({ redis, keys }), isStopping: () => false },
    writeRanks: (by, ranked) => writeRanks(redis, keys, by, ranked),
  })
  const intervals = { sweepIntervalS: 60, announceIntervalS: 1980 }
  await markServed(redis, keys, intervals)
  await askSweepPermit(redis, keys, intervals)
  await keepAuditResult(redis, keys, await auditAll({ redis, keys, peerLifetimeS: 3900, shards: SHARDS }))
}
