import type { EventFeed, EventPage } from '../../../lib/store/events.ts'
import type { Instance } from '../../../lib/store/instances.ts'
import type { Listing } from '../../../lib/store/listing.ts'
import type { PeerPages } from '../../../lib/store/peer-pages.ts'
import type { RankedListing } from '../../../lib/store/ranked.ts'
import type { SwarmReader } from '../../../lib/store/reader.ts'
import type { Reading } from '../reading.ts'
import type { LiveFeed } from './live-feed.ts'
import type { Slots } from './slots.ts'

/** What the API v2 reads from. */
export type V2Parts = {
  torrents: Pick<Listing, 'after' | 'all'>
  ranked: RankedListing
  peerPages: PeerPages
  /** Undefined where no events are written. */
  events: EventFeed | undefined
  eventsBefore: (page: { before?: string | undefined; limit: number }) => Promise<EventPage>
  instances: () => Promise<Instance[]>
  live: LiveFeed
  about: About
  /** Shared by all addresses that the API listens on. */
  exportSlots: Slots
  readerSlots: Slots
  liveSlots: Slots
}

/** How the tracker is set, as far as those who read the API want to know. */
export type About = {
  version: string
  isListed: boolean
  isPrivate: boolean
  hasPeerDetails: boolean
  hasEvents: boolean
  announceIntervalS: number
  peerLifetimeS: number
}

/** The same with what it shares with v1. */
export type V2Context = V2Parts & {
  reader: Pick<SwarmReader, 'swarm'>
  read: () => Promise<Reading>
  nowMs: () => number
  /** Seconds since the epoch, by the clock that all frontends share. */
  nowS: () => number
}
