import type { Event } from '../wire/announce.ts'
import type { Counts } from '../wire/counts.ts'
import type { Endpoint } from '../wire/endpoint.ts'
import type { InfoHash } from '../wire/info-hash.ts'

/** An announce as the store takes it: all that a tracker decides is decided. */
export type StoredAnnounce = {
  infoHash: InfoHash
  endpoint: Endpoint
  /** `REPORT_BYTES` bytes. The store copies what it keeps before `announce` returns. */
  report: Buffer
  event: Event
  isSeeder: boolean
  /** 0 to 255. */
  numwant: number
  wantsPeerIds: boolean
  /** At most 255 latin1 characters; empty where there is none. */
  passkey: string
  /** Why this announce is refused where its torrent is not there yet; left out where it may add one. */
  bar?: TorrentBar | undefined
}

/** Why no torrent may be added: there are as many as there may be, or the address has added as many as it may. */
export type TorrentBar = 'torrents' | 'address_torrents'

/**
 * Why a store cannot serve: it cannot be reached, does not answer in time, reads its data after a start, takes no writes, has no
 * memory left, or another is taking its place.
 */
export type StoreCause = 'away' | 'slow' | 'loading' | 'read_only' | 'out_of_memory' | 'failing_over'

/** Why a store did not apply an announce or answer a scrape. */
export type Refusal =
  | StoreCause
  /** The torrent is not on the whitelist of a listed tracker. */
  | 'unlisted'
  /** The torrent is not there, and may not be added. */
  | TorrentBar
  /** The swarm has as many peers as it may, and this one is not among them. */
  | 'swarm_peers'
  /** More is waiting for the store than may wait. */
  | 'busy'
  /** What is stored under the swarm's name is not a swarm. */
  | 'damaged'

/** The swarm after the announce, and peers. */
export type StoredReply =
  | ({
      ok: true
      /**
       * Endpoints of the announcing peer's family in wire form: all there are, or numwant and more; its own may be among
       * them. Where peer ids were asked for: at most numwant, never its own, each followed by its peer id.
       */
      peers: Buffer
      /** Whether the announce added the torrent; left out: it did not. */
      isNewTorrent?: boolean
    } & Counts)
  | { ok: false; refusal: Refusal }

/** What announcing and scraping need of a store. Both take many at once, answer in order, and never reject. */
export type SwarmStore = {
  /**
   * Where swarms are in several places, what tells the place of one: what is asked of one place at a time waits for no other.
   * Left out where all are in one.
   */
  placeOf?: (infoHash: InfoHash) => unknown
  announce: (announces: readonly StoredAnnounce[]) => Promise<StoredReply[]>
  scrape: (infoHashes: readonly InfoHash[]) => Promise<(Counts | Refusal)[]>
}
