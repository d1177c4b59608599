import type { StoredAnnounce } from '../../lib/swarm/store.ts'
import { EVENT } from '../../lib/wire/announce.ts'

/** A peer of the model, under the hex of its endpoint. */
export type ModelPeer = { isSeeder: boolean; isIpv6: boolean; announcedS: number; report: string; event: number }

/** A swarm of the model. */
export type ModelSwarm = { peers: Map<string, ModelPeer>; done: Map<string, number>; completed: number }

/**
 * The rules of a swarm, as plainly as they can be put: what Redis and its scripts are held against. A swarm is here
 * exactly while it has peers or a completed download to remember.
 */
export class Model {
  readonly swarms = new Map<string, ModelSwarm>()
  readonly accounts = new Map<string, { up: bigint; down: bigint }>()

  /** Applies an announce. */
  announce(announce: StoredAnnounce, nowS: number): void {
    const hex = announce.infoHash.toString('hex')
    const id = announce.endpoint.toString('hex')
    const swarm = this.swarms.get(hex) ?? { peers: new Map(), done: new Map(), completed: 0 }
    this.#credit(announce, swarm.peers.get(id))
    if (announce.event === EVENT.stopped) {
      swarm.peers.delete(id)
    } else {
      this.swarms.set(hex, swarm)
      const { isSeeder, event } = announce
      const isIpv6 = announce.endpoint.length === 18
      swarm.peers.set(id, { isSeeder, isIpv6, announcedS: nowS, report: announce.report.toString('hex'), event })
      if (event === EVENT.completed && isSeeder && !swarm.done.has(id)) {
        swarm.done.set(id, nowS)
        swarm.completed += 1
      }
    }
    this.#dropIfEmpty(hex)
  }

  /** Seeders, leechers, completed. */
  counts(hex: string): { seeders: number; leechers: number; completed: number } {
    const swarm = this.swarms.get(hex)
    const seeders = [...(swarm?.peers.values() ?? [])].filter((peer) => peer.isSeeder).length
    return { seeders, leechers: (swarm?.peers.size ?? 0) - seeders, completed: swarm?.completed ?? 0 }
  }

  /** The endpoints, as hex, that this announcing peer may be told of: leechers for a seeder, all others for a leecher. */
  tellable(announce: StoredAnnounce): { seeders: Set<string>; leechers: Set<string> } {
    const found = { seeders: new Set<string>(), leechers: new Set<string>() }
    const own = announce.endpoint.toString('hex')
    for (const [id, peer] of this.swarms.get(announce.infoHash.toString('hex'))?.peers ?? []) {
      if (id === own || peer.isIpv6 !== (announce.endpoint.length === 18)) continue
      if (!peer.isSeeder) found.leechers.add(id)
      else if (!announce.isSeeder) found.seeders.add(id)
    }
    return found
  }

  /** Removes peers that the sweep may remove and has: they must have expired. Answers those that it must not have. */
  sweep(hex: string, left: ReadonlySet<string>, doneLeft: ReadonlySet<string>, cutoffS: number): string[] {
    const swarm = this.swarms.get(hex)
    if (!swarm) return []
    const wronged: string[] = []
    for (const [id, peer] of swarm.peers) {
      if (left.has(id)) continue
      if (peer.announcedS > cutoffS) wronged.push(id)
      swarm.peers.delete(id)
    }
    for (const [id, countedS] of swarm.done) {
      if (doneLeft.has(id)) continue
      if (swarm.peers.has(id) || countedS > cutoffS) wronged.push(`done ${id}`)
      swarm.done.delete(id)
    }
    this.#dropIfEmpty(hex)
    return wronged
  }

  #dropIfEmpty(hex: string): void {
    const swarm = this.swarms.get(hex)
    if (swarm && swarm.peers.size === 0 && swarm.completed === 0) this.swarms.delete(hex)
  }

  #credit(announce: StoredAnnounce, before: ModelPeer | undefined): void {
    if (announce.passkey === '' || !before) return
    const account = this.accounts.get(announce.passkey) ?? { up: 0n, down: 0n }
    const reportBefore = Buffer.from(before.report, 'hex')
    const more = (at: number) => {
      const moved = announce.report.readBigUInt64BE(at) - reportBefore.readBigUInt64BE(at)
      return moved > 0n ? moved : 0n
    }
    account.up += more(36)
    account.down += more(20)
    this.accounts.set(announce.passkey, account)
  }
}
