import type { Refusal, StoredAnnounce } from '../../lib/swarm/store.ts'
import { EVENT } from '../../lib/wire/announce.ts'

/** A report begins with the id of its client. */
const PEER_ID_BYTES = 20

/** A peer of the model, under the hex of its endpoint. It is never changed, only replaced. */
export type ModelPeer = { isSeeder: boolean; isIpv6: boolean; announcedS: number; report: Buffer; event: number }

/** A swarm of the model. */
export type ModelSwarm = {
  peers: Map<string, ModelPeer>
  done: Map<string, number>
  completed: number
  /** Since when it has had no peers; undefined while it has some. */
  emptySinceS: number | undefined
}

/** What a sweep left of a swarm. */
export type SweptSwarm = {
  peers: ReadonlyMap<string, unknown>
  done: ReadonlyMap<string, unknown>
  isHalfSwept: boolean
}

/** What an operator sets, and the model must know. */
export type ModelPolicy = {
  listed: boolean
  peerDetails: boolean
  tellsEvents?: boolean
  /** Peers of one swarm at most; undefined: as many as come. */
  swarmPeersMax?: number | undefined
  /** How long a swarm without peers is kept for its completed downloads; undefined: for good. */
  completedLifetimeS?: number | undefined
}

/** What became of an announce: why it was refused, or whether it made its swarm. */
export type ModelOutcome = { refusal: Refusal } | { refusal?: undefined; isNewTorrent: boolean }

/**
 * The rules of a swarm, as plainly as they can be put: what Redis and its scripts are held against. A swarm is here
 * exactly while it has peers or a completed download to remember, the latter for a while only; one that a sweep emptied goes when that
 * sweep ends.
 */
export class Model {
  readonly policy: ModelPolicy
  readonly swarms = new Map<string, ModelSwarm>()
  readonly accounts = new Map<string, { up: bigint; down: bigint }>()
  readonly whitelist = new Set<string>()
  /** The last report of each client with a passkey, by torrent, passkey and peer id: a lifetime is longer than any play. */
  readonly told = new Map<string, Buffer>()
  /** What is told of each torrent, since somebody last emptied this. */
  readonly events = new Map<string, string[]>()

  constructor(policy: ModelPolicy) {
    this.policy = policy
  }

  /** The same rules in the same state, to try what might come next. */
  clone(): Model {
    const copy = new Model(this.policy)
    for (const [hex, { peers, done, ...rest }] of this.swarms) {
      copy.swarms.set(hex, { peers: new Map(peers), done: new Map(done), ...rest })
    }
    for (const [passkey, account] of this.accounts) copy.accounts.set(passkey, account)
    for (const hex of this.whitelist) copy.whitelist.add(hex)
    for (const [client, report] of this.told) copy.told.set(client, report)
    for (const [hex, kinds] of this.events) copy.events.set(hex, [...kinds])
    return copy
  }

  /** Applies an announce, unless it is refused. */
  announce(announce: StoredAnnounce, nowS: number): ModelOutcome {
    const hex = announce.infoHash.toString('hex')
    if (this.policy.listed && !this.whitelist.has(hex)) return { refusal: 'unlisted' }
    const id = announce.endpoint.toString('hex')
    const known = this.swarms.get(hex)
    const swarm: ModelSwarm = known ?? { peers: new Map(), done: new Map(), completed: 0, emptySinceS: undefined }
    const isStop = announce.event === EVENT.stopped
    if (!isStop && !known && announce.bar) return { refusal: announce.bar }
    const { swarmPeersMax = Number.POSITIVE_INFINITY } = this.policy
    if (!isStop && !swarm.peers.has(id) && swarm.peers.size >= swarmPeersMax) return { refusal: 'swarm_peers' }
    this.#credit(hex, announce)
    if (isStop) {
      if (!swarm.peers.delete(id)) return { isNewTorrent: false }
      if (swarm.peers.size === 0) swarm.emptySinceS = nowS
      this.#dropIfEmpty(hex)
    } else {
      if (!known) this.#tell(hex, 'added')
      this.swarms.set(hex, swarm)
      swarm.emptySinceS = undefined
      const { isSeeder, event, report } = announce
      swarm.peers.set(id, { isSeeder, isIpv6: announce.endpoint.length === 18, announcedS: nowS, report, event })
      if (event === EVENT.completed && isSeeder && !swarm.done.has(id)) {
        swarm.done.set(id, nowS)
        swarm.completed += 1
        this.#tell(hex, 'completed')
      }
    }
    return { isNewTorrent: !isStop && !known }
  }

  /** What a scrape tells: nothing of torrents that are not listed. */
  scraped(hex: string): { seeders: number; leechers: number; completed: number } {
    if (this.policy.listed && !this.whitelist.has(hex)) return { seeders: 0, leechers: 0, completed: 0 }
    return this.counts(hex)
  }

  /** Seeders, leechers, completed. */
  counts(hex: string): { seeders: number; leechers: number; completed: number } {
    const { seeders, leechers } = this.#count(hex, () => true)
    return { seeders, leechers, completed: this.swarms.get(hex)?.completed ?? 0 }
  }

  /** Whether this announcing peer may be told of another: of leechers as a seeder, of all as a leecher. */
  mayTell(announce: StoredAnnounce, other: ModelPeer): boolean {
    return other.isIpv6 === (announce.endpoint.length === 18) && !(announce.isSeeder && other.isSeeder)
  }

  /** How many peers this announcing one may be told of. */
  tellable(announce: StoredAnnounce): { seeders: number; leechers: number } {
    const own = announce.endpoint.toString('hex')
    return this.#count(announce.infoHash.toString('hex'), (id, peer) => id !== own && this.mayTell(announce, peer))
  }

  /** Removes what a sweep removed and left no trace of. Answers what it must not have removed. */
  sweep(hex: string, left: SweptSwarm | undefined, { nowS, cutoffS }: { nowS: number; cutoffS: number }) {
    const swarm = this.swarms.get(hex)
    const wronged: string[] = []
    let removed = 0
    for (const [id, peer] of swarm?.peers ?? []) {
      if (left?.peers.has(id)) continue
      if (peer.announcedS > cutoffS) wronged.push(id)
      swarm?.peers.delete(id)
      removed += 1
    }
    for (const [id, countedS] of swarm?.done ?? []) {
      if (left?.done.has(id)) continue
      if (swarm?.peers.has(id) || countedS > cutoffS) wronged.push(`done ${id}`)
      swarm?.done.delete(id)
    }
    if (swarm?.peers.size === 0) swarm.emptySinceS ??= nowS
    // When exactly one goes that is kept for its completed downloads is the sweeper's affair; not before its time.
    const { completedLifetimeS = Number.POSITIVE_INFINITY } = this.policy
    const isOver = !left && nowS >= (swarm?.emptySinceS ?? nowS) + completedLifetimeS
    return { wronged, removed, dropped: !left?.isHalfSwept && this.#dropIfEmpty(hex, isOver) }
  }

  #dropIfEmpty(hex: string, isOver = false): boolean {
    const swarm = this.swarms.get(hex)
    if (!swarm || swarm.peers.size > 0 || (swarm.completed > 0 && !isOver)) return false
    this.#tell(hex, 'evicted')
    return this.swarms.delete(hex)
  }

  #tell(hex: string, kind: string): void {
    if (!this.policy.tellsEvents) return
    const kinds = this.events.get(hex) ?? []
    kinds.push(kind)
    this.events.set(hex, kinds)
  }

  #count(hex: string, counts: (id: string, peer: ModelPeer) => boolean) {
    const found = { seeders: 0, leechers: 0 }
    for (const [id, peer] of this.swarms.get(hex)?.peers ?? []) {
      if (counts(id, peer)) found[peer.isSeeder ? 'seeders' : 'leechers'] += 1
    }
    return found
  }

  /** Only what a client told of twice can be credited: what it moved since its last announce, never below zero. */
  #credit(hex: string, announce: StoredAnnounce): void {
    const { passkey, report } = announce
    if (passkey === '' || !this.policy.peerDetails) return
    const client = `${hex} ${passkey} ${report.toString('hex', 0, PEER_ID_BYTES)}`
    const before = this.told.get(client)
    this.told.set(client, report)
    if (!before) return
    const more = (at: number) => {
      const moved = report.readBigUInt64BE(at) - before.readBigUInt64BE(at)
      return moved > 0n ? moved : 0n
    }
    const account = this.accounts.get(passkey) ?? { up: 0n, down: 0n }
    this.accounts.set(passkey, { up: account.up + more(36), down: account.down + more(20) })
  }
}
