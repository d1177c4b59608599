import type { RedisClient } from '../../lib/store/client.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { makeSwarmReader } from '../../lib/store/reader.ts'
import type { Actor } from './actor.ts'
import type { PeerState } from './expected.ts'

/** What a store has of the swarms that clients know. */
export type Compared = {
  /** Peers that are there by the word of their clients. */
  known: number
  /** Those of them that the store does not have. */
  lost: string[]
  /** Peers that the store has and that are not there, or are not what their clients are. */
  strangers: string[]
  /** Counts that are wrong. */
  miscounted: string[]
}

const PEERS_MAX = 10_000

/** Holds a store against what clients know; nothing may be on its way. */
export async function compareStore(redis: RedisClient, actors: readonly Actor[]): Promise<Compared> {
  const reader = makeSwarmReader({ redis, keys: makeKeys('') })
  const compared: Compared = { known: 0, lost: [], strangers: [], miscounted: [] }
  for (const { infoHash, swarm } of actors) {
    const hex = infoHash.toString('hex')
    const stored = await reader.swarm(infoHash, PEERS_MAX)
    const nowMs = performance.now()
    const found = new Map<string, PeerState>(
      stored?.peers.map(({ endpoint, isSeeder }) => [endpoint.toString('hex'), isSeeder ? 'seeder' : 'leecher']),
    )
    for (const peer of swarm.peers.values()) {
      const states = swarm.statesOf(peer, nowMs)
      const state = found.get(peer.endpoint) ?? 'absent'
      found.delete(peer.endpoint)
      if (!states.has('absent')) compared.known += 1
      if (states.has(state)) continue
      const text = `${hex} ${peer.endpoint}: ${state}, not ${[...states].join(' or ')}`
      compared[state === 'absent' ? 'lost' : 'strangers'].push(text)
    }
    for (const [endpoint, state] of found) compared.strangers.push(`${hex} ${endpoint}: ${state}, and never was`)
    const { seeders = 0, leechers = 0, completed = 0 } = stored ?? {}
    const problem = swarm.problemOfCounts({ seeders, leechers, completed }, nowMs)
    if (problem) compared.miscounted.push(`${hex}: ${problem}`)
  }
  return compared
}
