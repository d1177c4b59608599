import { isRedisReply } from '../../errors.ts'
import { endpointFrom, isMapped } from '../../wire/endpoint.ts'
import { atMasterOf } from '../at-masters.ts'
import type { RedisClient } from '../client.ts'
import { type Keys, shardNames } from '../keys.ts'
import { readCounts } from '../layout.ts'
import { loadScript, runScript } from '../scripts.ts'
import { peersOf, type StoredPeer } from '../stored-peers.ts'
import { makeShardScanner } from '../walk.ts'
import { type Completion, type ExportedSwarm, soundPeer } from './records.ts'

/** Peers read in one script: half a millisecond of Redis. */
const PEERS_PER_CALL = 300
/** Swarms named in one script at most. */
const SWARMS_PER_CALL = 100
/** Members that one ZSCAN looks at. */
const MEMBERS_COUNT = 250
/** Where `lua/export_peers.lua` is through with a list. */
const END = 65_536
/** Leechers before seeders, so that one who completes meanwhile is met. */
const LISTS_IN_ORDER = [0, 1, 2, 3] as const

/** A part of what is read: a swarm, or a piece of a large one that was begun before; or what is wrong with one. */
export type ReadSwarm = { swarm: ExportedSwarm; isFirst: boolean } | { damaged: string }

type Reply = (Buffer | null | Error | Buffer[])[]

/** Reads all swarms in the order of their info hashes, some at a time; counts alone where peers are not wanted. */
export async function* readSwarms(redis: RedisClient, keys: Keys, wantsPeers: boolean): AsyncGenerator<ReadSwarm[]> {
  const hexesOf = makeShardScanner({ redis, keys })
  const script = loadScript('export_swarms')
  for (const shard of shardNames()) {
    const hexes = await hexesOf(shard)
    for (let next = 0; next < hexes.length; ) {
      const asked = hexes.slice(next, next + SWARMS_PER_CALL)
      const args = [keys.prefix, PEERS_PER_CALL, wantsPeers ? '1' : '', ...asked]
      const reply = (await runScript(redis, script, [keys.torrents(shard)], args)) as Reply
      const found: ReadSwarm[] = []
      for (let i = 0; 4 * i < reply.length; i++) {
        const hex = asked[i] as string
        const [head, added, hash, done] = reply.slice(4 * i, 4 * i + 4)
        if (head instanceof Error) found.push({ damaged: head.message.replace(/^DAMAGED /, '') })
        if (!(head instanceof Buffer)) continue
        const { completed, seeders, leechers } = readCounts(head)
        const swarm = { hex, addedS: readAdded(added), completed, peers: [], done: [] }
        const isWhole = !wantsPeers || (Array.isArray(hash) && Array.isArray(done))
        const part = Array.isArray(hash) ? { ...swarm, peers: peersOf(hash, 'is left out').flatMap(soundPeer) } : swarm
        // Without peers, one that has only peers is nothing.
        if (wantsPeers ? completed + seeders + leechers > 0 : completed > 0)
          found.push({ swarm: Array.isArray(done) ? { ...part, done: completionsOf(done) } : part, isFirst: true })
        if (isWhole) continue
        yield found.splice(0)
        if (!Array.isArray(hash)) yield* readLarge(redis, keys, swarm)
        if (!Array.isArray(done)) yield* readDone(redis, keys, swarm)
      }
      next += reply.length / 4
      if (found.length > 0) yield found
    }
  }
}

/** The peers of a large swarm, some at a time. */
async function* readLarge(redis: RedisClient, keys: Keys, swarm: ExportedSwarm): AsyncGenerator<ReadSwarm[]> {
  const script = loadScript('export_peers')
  const index = keys.torrents(swarm.hex.slice(0, 3))
  for (const list of LISTS_IN_ORDER) {
    for (let from = 0; from < END; ) {
      const args = [keys.prefix, swarm.hex, list, from, PEERS_PER_CALL]
      const reply = await runScript(redis, script, [index], args).catch((error: unknown) => {
        if (isRedisReply(error) && error.message.includes('WRONGTYPE')) return error
        throw error
      })
      if (reply instanceof Error) {
        yield [{ damaged: `${keys.swarm(swarm.hex)} has a chunk that is no hash` }]
        break
      }
      const [next, ...fields] = reply as [number, ...Buffer[]]
      from = next
      yield* partsOf(peersOf(fields, 'is left out').flatMap(soundPeer), (peers) => ({ ...swarm, peers }))
    }
  }
}

/** Who has completed a large swarm, some at a time. */
async function* readDone(redis: RedisClient, keys: Keys, swarm: ExportedSwarm): AsyncGenerator<ReadSwarm[]> {
  const key = `${keys.swarm(swarm.hex)}:done`
  let cursor = '0'
  do {
    const scan = (node: RedisClient) => node.callBuffer('ZSCAN', [key, cursor, 'COUNT', MEMBERS_COUNT])
    const [next, members] = (await atMasterOf(redis, key, scan)) as [Buffer, Buffer[]]
    yield* partsOf(completionsOf(members), (done) => ({ ...swarm, done }))
    cursor = next.toString()
  } while (cursor !== '0')
}

/** A swarm's parts, none of a longer line than a few hundred peers make. */
function* partsOf<T extends StoredPeer | Completion>(all: readonly T[], make: (some: T[]) => ExportedSwarm) {
  for (let at = 0; at < all.length; at += PEERS_PER_CALL)
    yield [{ swarm: make(all.slice(at, at + PEERS_PER_CALL)), isFirst: false }]
}

function completionsOf(members: readonly Buffer[]): Completion[] {
  const done: Completion[] = []
  for (let i = 0; i + 1 < members.length; i += 2) {
    const endpoint = endpointFrom(members[i] as Buffer)
    const atS = Math.floor(Number(members[i + 1]))
    if (endpoint && !isMapped(endpoint) && atS >= 0 && atS < 2 ** 32) done.push({ endpoint, atS })
  }
  return done
}

/** Seconds since the epoch; 0 where somebody else has written what is no time. */
function readAdded(added: unknown): number {
  const seconds = Math.floor(Number(added instanceof Buffer ? added : 0))
  return seconds >= 0 && seconds < 2 ** 32 ? seconds : 0
}
