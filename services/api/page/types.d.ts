import type { ComponentChildren, VNode } from 'preact'
import type { Static } from 'typebox'
import type { HistoryItem, Snapshot } from '../v2/live-schemas.ts'
import type { PeerItem } from '../v2/peers.ts'
import type { EventItem } from '../v2/recent-events.ts'
import type { Torrent as TorrentItem } from '../v2/schemas.ts'
import type { TrackerReply } from '../v2/tracker.ts'

export type { Snapshot } from '../v2/live-schemas.ts'
export type History = Static<typeof HistoryItem>
export type Rates = NonNullable<Snapshot['rates']>
export type Redis = NonNullable<Snapshot['redis']>
export type Totals = NonNullable<Snapshot['totals']>
export type Instance = NonNullable<Snapshot['instances']>[number]
export type TorrentEvent = Static<typeof EventItem>
export type Torrent = Static<typeof TorrentItem> & { ranked_count?: number }
export type Peer = Static<typeof PeerItem>
export type Tracker = Static<typeof TrackerReply>
export type Key = { key: string; valid_until: number | null }
export type Amounts = { uploaded: number; downloaded: number }

/** A place in the dashboard: a view, what it is of, and which page of it. */
export type Route = { view: string; hex: string; query: URLSearchParams }

/** Rates at a time, by kind. */
export type Sample = { at: number; connects: number; announces: number; scrapes: number; errors: number }

/** What one call has answered, kept while it is asked again; `path` is what `data` came from. */
export type Answer = { path: string; data: unknown; problem: string; isLoading: boolean; atMs: number }

export type Notice = { text: string; undo?: { label: string; run: () => void } | undefined }
export type Confirmation = { title: string; text: string; action: string; run: () => void }

/** All that the dashboard shows. */
export type State = {
  token: string
  tracker: Tracker | undefined
  signIn: { problem: string; isBusy: boolean }
  route: Route
  /** How the stream of snapshots is, and in words what is wrong. */
  link: 'connecting' | 'live' | 'lost'
  linkProblem: string
  /** Why the last snapshot lacks something; since when, milliseconds. */
  problem: string
  problemSinceMs: number
  /** When the last snapshot came, by the tracker's clock and by this page's. */
  at: number
  heardMs: number
  redis: Redis | undefined
  /** Whether the last snapshot had nothing of Redis: a problem can be another. */
  isRedisAway: boolean
  rates: Rates | undefined
  totals: Totals | undefined
  instances: Instance[] | undefined
  events: TorrentEvent[] | undefined
  samples: Sample[]
  /** The time in the chart that is pointed at. */
  pointedAt: number | undefined
  answers: Record<string, Answer>
  /** Where each page was come to from. */
  trail: Map<string, string>
  amounts: Record<string, Amounts | string>
  areKeysShown: boolean
  formProblem: Record<string, string>
  notice: Notice | undefined
  confirmation: Confirmation | undefined
  /** What is said to who does not see. */
  spoken: string
}

/** What the views can have done. */
export type Actions = {
  update: (changes: Partial<State>) => void
  signIn: (token: string, isRemembered: boolean) => void
  forget: () => void
  search: (text: string) => void
  list: (hex: string) => void
  unlist: (hex: string) => void
  addKey: (key: string, days: string) => Promise<boolean>
  removeKey: (key: Key) => void
  showAmounts: (key: string) => void
}

export type Content = ComponentChildren
export type Node = VNode | VNode[]
