import type { Counts } from '../wire/counts.ts'
import type { InfoHash } from '../wire/info-hash.ts'
import type { RedisClient } from './client.ts'
import type { Keys } from './keys.ts'
import { chunkKey, HEAD_BYTES, LISTS, readChunkCounts, readCounts } from './layout.ts'
import { readStoredPeers, type StoredPeer } from './stored-peers.ts'

/** Chunks read side by side: some 50 peers each, 0.2 ms of Redis in all. */
const CHUNKS_AT_ONCE = 8
/** A page is read again where the swarm got or lost chunks meanwhile, so many times in all. */
const TRIES_MAX = 3

/** A place among a swarm's peers: which of `LISTS`, which chunk, and the endpoint as hex. */
export type PeerPlace = { list: number; chunk: number; endpoint: string }

/** What is known of a swarm but its peers. `addedS` is in seconds since the epoch. */
export type SwarmFacts = Counts & { addedS: number }

/** Peers of a swarm in the order of where they are stored, and the place of the last where more come. */
export type PeerPage = { swarm: SwarmFacts; peers: StoredPeer[]; next: PeerPlace | undefined }

/** Reads peers a page at a time; undefined where there is no such swarm. */
export type PeerPages = (
  infoHash: InfoHash,
  page: { limit: number; after?: PeerPlace | undefined },
) => Promise<PeerPage | undefined>

type Placed = { place: PeerPlace; peer: StoredPeer }

/**
 * The reader of peers by pages. No page reads more chunks than it has peers to show. A peer that changes its role or its
 * chunk between two pages may be met twice, or not at all where chunks are merged.
 */
export function makePeerPages({ redis, keys }: { redis: RedisClient; keys: Keys }): PeerPages {
  const readSmall = async (key: string): Promise<Placed[]> => {
    const peers = await readStoredPeers(redis, key)
    return LISTS.flatMap((_, list) =>
      placed(
        peers.filter((peer) => listOf(peer) === list),
        list,
        0,
      ),
    )
  }

  const readHead = async (key: string): Promise<Head | undefined> => {
    const [head, added] = await redis.hmgetBuffer(key, 'head', 'added')
    if (!head) return undefined
    if (head.length !== HEAD_BYTES) throw new Error(`damaged head of ${key}`)
    return { swarm: { ...readCounts(head), addedS: Number(added) }, chunks: readChunkCounts(head) }
  }

  const readChunk = async (key: string, { list, chunk }: Omit<PeerPlace, 'endpoint'>): Promise<Placed[]> =>
    placed(await readStoredPeers(redis, chunkKey(key, LISTS[list] as (typeof LISTS)[number], chunk)), list, chunk)

  const readPeers = async (key: string, counts: ChunkCounts, limit: number, after: PeerPlace): Promise<Placed[]> => {
    const isAfter = ({ place }: Placed) => comparePlaces(place, after) > 0
    if (counts.every((count) => count === 0)) return (await readSmall(key)).filter(isAfter)
    const found: Placed[] = []
    const chunks = chunksFrom(counts, after)
    while (found.length <= limit && chunks.length > 0) {
      const some = chunks.splice(0, chunksFor(limit + 1 - found.length))
      const read = await Promise.all(some.map((place) => readChunk(key, place)))
      found.push(...read.flat().filter(isAfter))
    }
    return found
  }

  return async (infoHash, { limit, after = START }) => {
    const key = keys.swarm(infoHash.toString('hex'))
    let head = await readHead(key)
    if (head && limit === 0) return { swarm: head.swarm, peers: [], next: undefined }
    for (let tries = 1; head; tries++) {
      const { swarm, chunks } = head
      const found = await readPeers(key, chunks, limit, after)
      // Peers may have moved where they were not looked for: into the chunks of a swarm that has grown, or others'.
      const now = await readHead(key)
      if (!now || now.chunks.join() === chunks.join() || tries === TRIES_MAX) return { swarm, ...pageOf(found, limit) }
      head = now
    }
    return undefined
  }
}

type ChunkCounts = ReturnType<typeof readChunkCounts>
type Head = { swarm: SwarmFacts; chunks: ChunkCounts }

const START: PeerPlace = { list: 0, chunk: 0, endpoint: '' }

/** The chunks of a large swarm from a place on, one after another: at most some thousands. */
const chunksFrom = (counts: ChunkCounts, from: PeerPlace): { list: number; chunk: number }[] =>
  counts.flatMap((chunks, list) =>
    Array.from({ length: chunks }, (_, chunk) => ({ list, chunk })).filter(
      ({ chunk }) => list > from.list || (list === from.list && chunk >= from.chunk),
    ),
  )

/** How many chunks are likely to have so many peers. */
const chunksFor = (peers: number): number => Math.min(Math.ceil(peers / 28), CHUNKS_AT_ONCE)

const listOf = ({ endpoint, isSeeder }: StoredPeer): number => Number(isSeeder) + (endpoint.length === 18 ? 2 : 0)

const placed = (peers: readonly StoredPeer[], list: number, chunk: number): Placed[] =>
  peers
    .map((peer) => ({ peer, place: { list, chunk, endpoint: peer.endpoint.toString('hex') } }))
    .sort((a, b) => comparePlaces(a.place, b.place))

const comparePlaces = (a: PeerPlace, b: PeerPlace): number =>
  a.list - b.list || a.chunk - b.chunk || (a.endpoint < b.endpoint ? -1 : Number(a.endpoint > b.endpoint))

const pageOf = (found: readonly Placed[], limit: number): Pick<PeerPage, 'peers' | 'next'> => ({
  peers: found.slice(0, limit).map(({ peer }) => peer),
  next: found.length > limit ? found[limit - 1]?.place : undefined,
})
