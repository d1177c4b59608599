import type { Redis } from 'ioredis'
import type { InfoHash } from '../wire/info-hash.ts'
import type { Keys } from './keys.ts'
import { chunkKey, HEAD_BYTES, LISTS, readChunkCounts } from './layout.ts'
import { readStoredPeers, type StoredPeer } from './reader.ts'

/** Chunks read side by side: some 50 peers each, 0.2 ms of Redis in all. */
const CHUNKS_AT_ONCE = 8
/** A page is read again where the swarm got or lost chunks meanwhile, so many times in all. */
const TRIES_MAX = 3

/** A place among a swarm's peers: which of `LISTS`, which chunk, and the endpoint as hex. */
export type PeerPlace = { list: number; chunk: number; endpoint: string }

/** Peers of a swarm in the order of where they are stored, and the place of the last where more come. */
export type PeerPage = { peers: StoredPeer[]; next: PeerPlace | undefined }

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
export function makePeerPages({ redis, keys }: { redis: Redis; keys: Keys }): PeerPages {
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

  const readHead = async (key: string): Promise<Buffer | undefined> => {
    const head = await redis.hgetBuffer(key, 'head')
    if (head && head.length !== HEAD_BYTES) throw new Error(`damaged head of ${key}`)
    return head ?? undefined
  }

  const readPage = async (key: string, head: Buffer, limit: number, after: PeerPlace): Promise<PeerPage> => {
    const isAfter = ({ place }: Placed) => comparePlaces(place, after) > 0
    if (readChunkCounts(head).every((count) => count === 0))
      return pageOf((await readSmall(key)).filter(isAfter), limit)
    const found: Placed[] = []
    const chunks = chunksFrom(head, after)
    while (found.length <= limit && chunks.length > 0) {
      const some = chunks.splice(0, chunksFor(limit + 1 - found.length))
      const read = await Promise.all(
        some.map(async ({ list, chunk }) =>
          placed(
            await readStoredPeers(redis, chunkKey(key, LISTS[list] as (typeof LISTS)[number], chunk)),
            list,
            chunk,
          ),
        ),
      )
      found.push(...read.flat().filter(isAfter))
    }
    return pageOf(found, limit)
  }

  return async (infoHash, { limit, after = START }) => {
    const key = keys.swarm(infoHash.toString('hex'))
    let head = await readHead(key)
    for (let tries = 1; head; tries++) {
      const page = await readPage(key, head, limit, after)
      // Peers may have moved where they were not looked for: into the chunks of a swarm that has grown, or others'.
      const now = await readHead(key)
      if (!now || hasChunksOf(head, now) || tries === TRIES_MAX) return page
      head = now
    }
    return undefined
  }
}

const START: PeerPlace = { list: 0, chunk: 0, endpoint: '' }

const hasChunksOf = (head: Buffer, other: Buffer): boolean =>
  readChunkCounts(head).join() === readChunkCounts(other).join()

/** The chunks of a large swarm from a place on, one after another: at most some thousands. */
const chunksFrom = (head: Buffer, from: PeerPlace): { list: number; chunk: number }[] =>
  readChunkCounts(head).flatMap((chunks, list) =>
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

const pageOf = (found: readonly Placed[], limit: number): PeerPage => ({
  peers: found.slice(0, limit).map(({ peer }) => peer),
  next: found.length > limit ? found[limit - 1]?.place : undefined,
})
