import type { Counts } from '../../lib/wire/counts.ts'

/** What a peer is in the tracker's store. */
export type PeerState = 'absent' | 'leecher' | 'seeder'

/** Least and most. */
type Range = { min: number; max: number }

/** States that a peer was known to be in, from a moment on. */
type Known = { fromMs: number; states: ReadonlySet<PeerState> }

/** What a client knows of a peer: an announce that was not answered may have been done, or may still be. */
export type ExpectedPeer = {
  /** Its endpoint as the wire has it, in hex. */
  endpoint: string
  isIpv6: boolean
  states: ReadonlySet<PeerState>
  /** What announces without an answer would make of it, if they were done now. */
  pending: Set<PeerState>
  /** Newest last. */
  past: Known[]
  /** Whether it told, once in its life, that it has completed. */
  completed: 'no' | 'maybe' | 'yes'
  /** When its last announce was sent that was answered. */
  heardMs: number
}

/** A swarm as a tracker must tell it. */
export type ToldSwarm = { seeders: number; leechers: number; endpoints: readonly string[] }

/** So much of the past is kept: longer than anything here goes back. */
const PAST_MS = 120_000

/**
 * A swarm as its clients know it, where some of their announces were never answered: for each peer the states that it can be in.
 * Whoever announces waits for the answer before the next announce of the swarm, so what was answered is certain.
 */
export class ExpectedSwarm {
  readonly peers = new Map<string, ExpectedPeer>()
  /** Completed downloads, and how many there were at least from a moment on. */
  completed: Range = { min: 0, max: 0 }
  #completedPast: { fromMs: number; min: number }[] = []
  /** Milliseconds after which a peer that is silent may be evicted. */
  readonly #lifetimeMs: number

  constructor(lifetimeMs = Number.POSITIVE_INFINITY) {
    this.#lifetimeMs = lifetimeMs
  }

  /** The peer at an endpoint, which nobody may have heard of. */
  peer(endpoint: string): ExpectedPeer {
    const known = this.peers.get(endpoint)
    if (known) return known
    const isIpv6 = endpoint.length > 12
    const states = new Set<PeerState>(['absent'])
    const past = [{ fromMs: Number.NEGATIVE_INFINITY, states }]
    const peer: ExpectedPeer = { endpoint, isIpv6, states, past, pending: new Set(), completed: 'no', heardMs: 0 }
    this.peers.set(endpoint, peer)
    return peer
  }

  /** An announce was answered: the peer is as it says, or as another says whose answer never came. */
  answered(peer: ExpectedPeer, state: PeerState, { sentMs, nowMs }: { sentMs: number; nowMs: number }): void {
    this.#know(peer, new Set([state, ...peer.pending]), nowMs)
    peer.heardMs = sentMs
  }

  /** An announce had no answer, or one that does not say whether it was done. */
  unanswered(peer: ExpectedPeer, state: PeerState, nowMs: number): void {
    peer.pending.add(state)
    this.#know(peer, new Set([...peer.states, state]), nowMs)
  }

  /** The peer told that it has completed; `isAnswered`: the tracker said that it counted it. */
  toldCompleted(peer: ExpectedPeer, isAnswered: boolean, nowMs: number): void {
    if (peer.completed === 'yes') return
    if (peer.completed === 'no') this.completed.max += 1
    if (isAnswered) {
      this.completed.min += 1
      this.#completedPast.push({ fromMs: nowMs, min: this.completed.min })
    }
    peer.completed = isAnswered ? 'yes' : 'maybe'
  }

  /** All that was sent has been done by now, or never will be. */
  settle(): void {
    for (const peer of this.peers.values()) peer.pending.clear()
  }

  /** What was answered after that moment may have been lost with the store's memory. */
  mayHaveLost(sinceMs: number, nowMs: number): void {
    for (const peer of this.peers.values()) {
      const from = Math.max(
        0,
        peer.past.findLastIndex(({ fromMs }) => fromMs <= sinceMs),
      )
      this.#know(peer, new Set(peer.past.slice(from).flatMap(({ states }) => [...states])), nowMs)
    }
    this.completed.min = this.#completedPast.findLast(({ fromMs }) => fromMs <= sinceMs)?.min ?? 0
    // What another loss goes back to, later, may not be what this one has undone.
    this.#completedPast.push({ fromMs: nowMs, min: this.completed.min })
  }

  /** The states that a peer can be in now: one that has been silent for a lifetime may be gone. */
  statesOf(peer: ExpectedPeer, nowMs: number): ReadonlySet<PeerState> {
    return nowMs - peer.heardMs > this.#lifetimeMs ? new Set([...peer.states, 'absent']) : peer.states
  }

  /** What is wrong with an answer to a peer that announced itself as this, and asked for so many; undefined where nothing is. */
  problemOf(
    told: ToldSwarm,
    own: ExpectedPeer,
    { as, numwant, nowMs }: { as: PeerState; numwant: number; nowMs: number },
  ): string | undefined {
    const isTellable = (state: PeerState) => state === 'leecher' || (state === 'seeder' && as === 'leecher')
    const must: string[] = []
    const may = new Set<string>()
    for (const peer of this.peers.values()) {
      if (peer === own || peer.isIpv6 !== own.isIpv6) continue
      const states = [...this.statesOf(peer, nowMs)]
      if (states.some(isTellable)) may.add(peer.endpoint)
      if (states.every(isTellable)) must.push(peer.endpoint)
    }
    const stranger = told.endpoints.find((endpoint) => !may.has(endpoint))
    if (stranger !== undefined) return `it tells of ${stranger}, ${this.#textOf(stranger, own, nowMs)}`
    if (new Set(told.endpoints).size < told.endpoints.length) return 'it tells of a peer twice'
    const missing = must.find((endpoint) => !told.endpoints.includes(endpoint))
    // Of a swarm that is larger than what was asked for, any are an answer.
    if (missing !== undefined && may.size <= numwant) return `it does not tell of ${missing}, which is there`
    const least = Math.min(numwant, must.length)
    if (told.endpoints.length < least) return `it tells of ${told.endpoints.length} peers, and could of ${least}`
    return this.problemOfCounts(told, nowMs)
  }

  /** What is wrong with the counts of a swarm, or undefined. */
  problemOfCounts(told: Omit<Counts, 'completed'> & { completed?: number }, nowMs: number): string | undefined {
    for (const state of ['seeder', 'leecher'] as const) {
      const { min, max } = this.#count(state, nowMs)
      const count = told[`${state}s`]
      if (count < min || count > max) return `it tells of ${count} ${state}s, and there are ${textOf({ min, max })}`
    }
    const { completed = this.completed.min } = told
    if (completed < this.completed.min || completed > this.completed.max)
      return `it tells of ${completed} completed downloads, and there were ${textOf(this.completed)}`
    return undefined
  }

  #count(state: PeerState, nowMs: number): Range {
    const range = { min: 0, max: 0 }
    for (const peer of this.peers.values()) {
      const states = this.statesOf(peer, nowMs)
      if (!states.has(state)) continue
      range.max += 1
      if (states.size === 1) range.min += 1
    }
    return range
  }

  #know(peer: ExpectedPeer, states: ReadonlySet<PeerState>, nowMs: number): void {
    const isSame = states.size === peer.states.size && [...states].every((state) => peer.states.has(state))
    peer.states = states
    if (isSame) return
    peer.past.push({ fromMs: nowMs, states })
    const first = peer.past.findIndex(({ fromMs }) => fromMs > nowMs - PAST_MS)
    if (first > 1) peer.past.splice(0, first - 1)
  }

  #textOf(endpoint: string, own: ExpectedPeer, nowMs: number): string {
    const peer = this.peers.get(endpoint)
    if (!peer) return 'which never was'
    if (peer === own) return 'who asks'
    const states = [...this.statesOf(peer, nowMs)].join(' or ')
    return `which is ${states}, to one that is ${[...own.states].join(' or ')}`
  }
}

const textOf = ({ min, max }: Range): string => (min === max ? `${min}` : `${min} to ${max}`)
