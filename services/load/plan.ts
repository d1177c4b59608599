import { makeRandom } from '../../lib/random.ts'
import type { LoadOptions } from './options.ts'
import { addressOfPeer, type LoadPeer, makeLoad } from './shape.ts'
import { KIND, type Kind } from './tally.ts'
import type { Target } from './target.ts'

/** Which of the worker processes this is. */
export type Share = { index: number; of: number }

/** One address of a process, with the peers that are there and the requests that may be under way from there. */
export type Place = { address: string; own: LoadPeer[]; slots: number }

/** What a worker process asks, and from where. */
export type Plan = {
  places: Place[]
  random: () => number
  /** The kind of the next request, by the weights. */
  pickKind: () => Kind
}

/** The part of the load that is this process's: its addresses, with all peers that are at them. */
export function makePlan(options: LoadOptions, target: Target, share: Share): Plan {
  const { addresses, outstanding, seed, seeders, peers, torrents, weights } = options
  const isIpv6 = target.address.includes(':')
  const sourceOf = (place: number): string => {
    // IPv6 has one loopback address, and elsewhere the system knows from where it reaches a tracker.
    if (!target.isLoopback) return isIpv6 ? '::' : '0.0.0.0'
    return isIpv6 ? '::1' : addressOfPeer(place, addresses)
  }
  const load = makeLoad(torrents, peers, makeRandom(seed), (peer) => sourceOf(peer % addresses), seeders)
  const places: Place[] = []
  for (let place = share.index; place < addresses; place += share.of) {
    places.push({
      address: sourceOf(place),
      own: load.filter((_, peer) => peer % addresses === place),
      slots: Math.floor(outstanding / addresses) + (place < outstanding % addresses ? 1 : 0),
    })
  }
  const random = makeRandom(seed + share.index + 1)
  return { places, random, pickKind: makeKindPicker(weights, random) }
}

/** Picks kinds of request by chance, each as often as its weight says. */
export function makeKindPicker(
  { connect, announce, scrape }: LoadOptions['weights'],
  random: () => number,
): () => Kind {
  const sum = connect + announce + scrape
  return () => {
    const value = random() * sum
    if (value < connect) return KIND.connect
    return value < connect + announce ? KIND.announce : KIND.scrape
  }
}

/** One of some peers, by chance. */
export const pickPeer = (own: readonly LoadPeer[], random: () => number): LoadPeer =>
  own[Math.floor(random() * own.length)] as LoadPeer

/**
 * So many torrents, by chance, each with one of its peers: those with many peers come often. Each once: some trackers
 * answer a torrent that is named twice once.
 */
export function pickTorrents(own: readonly LoadPeer[], count: number, random: () => number): LoadPeer[] {
  const picked = Array.from({ length: count }, () => pickPeer(own, random))
  return [...new Map(picked.map((peer) => [peer.infoHash, peer])).values()]
}
