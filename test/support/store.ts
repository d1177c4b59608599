import { pino } from 'pino'
import { makeCounters } from '../../lib/observe/counters.ts'
import type { Measures } from '../../lib/observe/measures.ts'
import type { RedisClient } from '../../lib/store/client.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { makeRedisStore, type StorePolicy } from '../../lib/store/redis.ts'
import type { StoredAnnounce } from '../../lib/swarm/store.ts'
import { EVENT, makeReport } from '../../lib/wire/announce.ts'
import { type Endpoint, toEndpoint } from '../../lib/wire/endpoint.ts'
import { type InfoHash, infoHashFromHex } from '../../lib/wire/info-hash.ts'

/** Log of tests: nothing is written. */
export const silentLog = pino({ level: 'silent' })

/** The product's store on a test's Redis, with a policy of the test's. */
export function storeOn(
  redis: RedisClient,
  { measures, ...policy }: Partial<StorePolicy> & { measures?: Measures } = {},
  nowS?: () => number,
  prefix = '',
) {
  const counters = makeCounters()
  const store = makeRedisStore({
    redis,
    keys: makeKeys(prefix),
    policy: { peerLifetimeS: 3900, peerDetails: true, listed: false, ...policy },
    random: Math.random,
    counters,
    log: silentLog,
    ...(nowS && { nowS }),
    ...(measures && { measures }),
  })
  return { ...store, counters }
}

/** An info hash made of one hex digit, or of the text given. */
export const hashOf = (digits: string): InfoHash => infoHashFromHex(digits.padEnd(40, '0')) as InfoHash

/** An endpoint written as text. */
export const at = (address: string, port = 6881): Endpoint => toEndpoint(address, port) as Endpoint

/** A leecher's regular announce by 192.0.2.1, with changes. */
export function announceOf(changes: Partial<StoredAnnounce> & { left?: bigint } = {}): StoredAnnounce {
  const { left = changes.isSeeder ? 0n : 1000n, ...rest } = changes
  return {
    infoHash: hashOf('a'),
    endpoint: at('192.0.2.1'),
    report: makeReport(Buffer.from('-RS0001-abcdefghijkl'), 0n, left, 0n),
    event: EVENT.none,
    isSeeder: false,
    numwant: 50,
    wantsPeerIds: false,
    passkey: '',
    ...rest,
  }
}
