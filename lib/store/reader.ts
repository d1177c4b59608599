import type { Counts } from '../wire/counts.ts'
import type { InfoHash } from '../wire/info-hash.ts'
import { atMasters } from './at-masters.ts'
import type { AwayMasters } from './away-masters.ts'
import type { RedisClient } from './client.ts'
import { type Keys, shardNames } from './keys.ts'
import { makePeerPages, type SwarmFacts } from './peer-pages.ts'
import type { StoredPeer } from './stored-peers.ts'

/** A swarm with its peers: at most as many as were asked for. */
export type StoredSwarm = SwarmFacts & { peers: StoredPeer[] }

/** The counts of all torrents together. */
export type Totals = Counts & { torrents: number }

/** Reads swarms for people and programs that look; nothing here is on the way of an announce. */
export type SwarmReader = {
  /** A swarm with at most so many of its peers; undefined where there is none. */
  swarm: (infoHash: InfoHash, peersMax: number) => Promise<StoredSwarm | undefined>
  /** The counts of all torrents, but for those on masters that are `away`. */
  totals: (away?: AwayMasters) => Promise<Totals>
}

/** Shards asked for at once: each answer takes Redis some microseconds. */
const SHARDS_AT_ONCE = 256

/** The reader of the swarms in a Redis. */
export function makeSwarmReader({ redis, keys }: { redis: RedisClient; keys: Keys }): SwarmReader {
  const pages = makePeerPages({ redis, keys })
  return {
    async swarm(infoHash, peersMax) {
      const page = await pages(infoHash, { limit: peersMax })
      return page && { ...page.swarm, peers: page.peers }
    },
    async totals(away) {
      const totals = { torrents: 0, seeders: 0, leechers: 0, completed: 0 }
      const there = shardNames()
        .map(keys.totals)
        .filter((key) => !away?.of(key))
      for (let i = 0; i < there.length; i += SHARDS_AT_ONCE) {
        const keysNow = there.slice(i, i + SHARDS_AT_ONCE)
        const answers = await atMasters(redis, keysNow, String, (node, own) =>
          Promise.all(own.map((key) => node.hmget(key, ...Object.keys(totals)))),
        )
        for (const [torrents, seeders, leechers, completed] of answers) {
          totals.torrents += Number(torrents)
          totals.seeders += Number(seeders)
          totals.leechers += Number(leechers)
          totals.completed += Number(completed)
        }
      }
      return totals
    },
  }
}
