import type { Redis } from 'ioredis'
import { makeCounters } from '../../lib/observe/counters.ts'
import { makeRandom } from '../../lib/random.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { makeRedisStore, type StorePolicy } from '../../lib/store/redis.ts'
import type { StoredAnnounce, SwarmStore } from '../../lib/swarm/store.ts'
import { type LoadPeer, makeLoad, nextEvent } from '../../services/load/shape.ts'
import { COUNTS_KEY } from '../../services/profile/redis/instrument.ts'
import { silentLog } from '../support/store.ts'

const NOW_S = 1_700_000_000

/** A store whose chance and clock are the same each time. */
export function storeOf(redis: Redis, policy: Partial<StorePolicy> = {}, prefix = ''): SwarmStore {
  return makeRedisStore({
    redis,
    keys: makeKeys(prefix),
    policy: { peerLifetimeS: 3900, peerDetails: true, listed: false, ...policy },
    random: makeRandom(),
    counters: makeCounters(),
    log: silentLog,
    nowS: () => NOW_S,
  })
}

/** Announces one call after another, and scrapes; answers all replies. */
export async function play(store: SwarmStore, calls: number, torrents = 40, peers = 2000): Promise<unknown[]> {
  const random = makeRandom()
  const load = makeLoad(torrents, peers, random, (peer) => `127.0.${1 + (peer >> 8)}.${1 + (peer % 250)}`)
  const replies: unknown[] = []
  const announceOf = (peer: LoadPeer, event = nextEvent(peer, random)): StoredAnnounce => ({
    ...peer,
    event,
    numwant: 30,
    wantsPeerIds: random() < 0.1,
    passkey: random() < 0.2 ? 'key' : '',
  })
  for (let call = 0; call < calls; call++) {
    const announces = Array.from({ length: 64 }, (_, i) => announceOf(load[(call * 64 + i) % peers] as LoadPeer))
    replies.push(...(await store.announce(announces)))
    if (call % 8 === 0) replies.push(...(await store.scrape(announces.slice(0, 5).map(({ infoHash }) => infoHash))))
  }
  return replies
}

/** All that a Redis holds, in an order that does not depend on how it keeps it. */
export async function contentsOf(redis: Redis): Promise<[string, string[]][]> {
  const keys = (await redis.keys('*')).filter((key) => key !== COUNTS_KEY).sort()
  return Promise.all(
    keys.map(async (key): Promise<[string, string[]]> => {
      const type = await redis.type(key)
      if (type === 'hash') {
        const flat = (await redis.callBuffer('HGETALL', key)) as Buffer[]
        const fields = flat.flatMap((name, i) =>
          i % 2 === 0 ? [`${name.toString('hex')} ${flat[i + 1]?.toString('hex')}`] : [],
        )
        return [key, fields.sort()]
      }
      if (type === 'zset') {
        const flat = (await redis.callBuffer('ZRANGE', key, '0', '-1', 'WITHSCORES')) as Buffer[]
        return [key, flat.map((each) => each.toString('hex'))]
      }
      return [key, [(await redis.get(key).catch(() => type)) ?? '']]
    }),
  )
}

/** Cuts one swarm's head, and puts a string where another swarm was. */
export async function damage(redis: Redis, prefix = ''): Promise<void> {
  const [first = '', second = ''] = (await redis.keys(`${prefix}swarm:*`))
    .filter((key) => key.length === prefix.length + 52)
    .sort()
  await redis.hset(first, 'head', 'cut')
  await redis.del(second)
  await redis.set(second, 'of another type')
}
