import { type AnnounceRequest, EVENT } from '../wire/announce.ts'
import { type Endpoint, portOf } from '../wire/endpoint.ts'
import { mix, wordAt } from './mix.ts'

/** Peers that are remembered: 2 MB. At a thousand announces a second, those of the last four minutes at least. */
export const PEERS_REMEMBERED = 2 ** 18
/** Entries that a peer may be kept in: the hash of its name tells one such set. */
const WAYS = 4
/** An entry is two words: the tag of its peer, 0 for none; and the second of the first announce, with the count of early ones after it. */
const WORDS = 2
/** Bytes that one takes. */
export const PEER_BYTES = 4 * WORDS
const COUNT_BITS = 8
/** What a count has room for; set as the maximum, it is no limit. */
export const EARLY_COUNT_MAX = 2 ** COUNT_BITS - 1
/** Seconds wrap after half a year. */
const SECONDS_MASK = 2 ** (32 - COUNT_BITS) - 1
/** Of what was not counted, in the place of an entry. What is less is the time to wait. */
const NOT_COUNTED = -1
/** A peer id ends in what a client makes up, 12 characters or more of it. */
const PEER_ID_AT = 12

/** What was counted of some announces, by their places. */
export type CountedAnnounces = {
  /** Where each was counted; -1 where it was not. */
  entries: readonly number[]
  /** How many seconds each has to wait, for it came too early once too often; 0 where it is served. Left out where all are. */
  waitsS: readonly number[] | undefined
}

/** What is known of peers that announce sooner than they were asked to. */
export type EarlyAnnounces = {
  /** Counts the regular ones of some announces. */
  count: (requests: readonly AnnounceRequest[]) => CountedAnnounces
  /** Takes back what was counted of an announce that was then refused. */
  takeBack: (entry: number) => void
}

/**
 * Remembers regular announces: within one minimum interval from the first of a peer on, so many more are served. That is room for a reply
 * that was lost (BEP 15 asks again after 15 s) and for a user who presses "announce" a few times.
 *
 * A peer is a swarm, an endpoint and a peer id: behind the address of a network there are many who have not forwarded their port
 * and name the same one. Where more peers are about than there is room for, the one that has come early least often, and longest
 * ago, is forgotten, which only makes us lenient. `seed`, of this process's chance, so that nobody can choose peers that share a place.
 */
export function makeEarlyAnnounces({
  minIntervalS,
  max,
  isExempt,
  seed,
  nowS,
}: {
  minIntervalS: number
  max: number
  isExempt: (endpoint: Endpoint) => boolean
  seed: number
  nowS: () => number
}): EarlyAnnounces {
  const table = new Int32Array(PEERS_REMEMBERED * WORDS)
  const tagSeed = mix(seed, 1)
  let tag = 0

  const ageOf = (state: number, second: number): number => (second - (state >>> COUNT_BITS)) & SECONDS_MASK

  /** The first entry of the set that a peer is kept in; its tag is left in `tag`. */
  const setOf = ({ infoHash, endpoint, report }: AnnounceRequest): number => {
    const last = endpoint.length - 2
    // As good as random, and of one endpoint: where the words of two pairs are the same, a client has made its peer id so.
    const first = wordAt(infoHash, 0) ^ wordAt(report, PEER_ID_AT)
    const second = wordAt(infoHash, 4) ^ wordAt(report, PEER_ID_AT + 4) ^ portOf(endpoint)
    let place = mix(mix(seed, first), second)
    let name = mix(mix(tagSeed, first), second)
    for (let at = 0; at < last; at += 4) {
      const word = wordAt(endpoint, at)
      place = mix(place, word)
      name = mix(name, word)
    }
    tag = name || 1
    return (place & (PEERS_REMEMBERED / WAYS - 1)) * WAYS * WORDS
  }

  /** Where the peer of `tag` is in a set, or -1. */
  const findIn = (set: number, second: number): number => {
    for (let entry = set; entry < set + WAYS * WORDS; entry += WORDS)
      if (table[entry] === tag && ageOf(table[entry + 1] as number, second) < minIntervalS) return entry
    return -1
  }

  /** The entry of a set that is worth least: one that is free or whose time is over, else of the fewest early announces, else the oldest. */
  const leastIn = (set: number, second: number): number => {
    let least = set
    let leastWorth = Number.MAX_SAFE_INTEGER
    for (let entry = set; entry < set + WAYS * WORDS; entry += WORDS) {
      const state = table[entry + 1] as number
      const age = ageOf(state, second)
      if (table[entry] === 0 || age >= minIntervalS) return entry
      const worth = (state & EARLY_COUNT_MAX) * (SECONDS_MASK + 1) - age
      if (worth < leastWorth) {
        least = entry
        leastWorth = worth
      }
    }
    return least
  }

  /** Counts an announce. Answers where or, where it comes too early once too often, as a number below -1 how long it has to wait. */
  const countOne = (request: AnnounceRequest, second: number): number => {
    const set = setOf(request)
    const found = findIn(set, second)
    const entry = found < 0 ? leastIn(set, second) : found
    const state = found < 0 ? second << COUNT_BITS : (table[entry + 1] as number)
    if (found >= 0 && (state & EARLY_COUNT_MAX) >= max) return NOT_COUNTED - minIntervalS + ageOf(state, second)
    table[entry] = tag
    table[entry + 1] = found < 0 ? state : state + 1
    return entry
  }

  return {
    count(requests) {
      const second = nowS() & SECONDS_MASK
      const entries = new Array<number>(requests.length)
      let waitsS: number[] | undefined
      for (let i = 0; i < requests.length; i++) {
        const request = requests[i] as AnnounceRequest
        const place = request.event === EVENT.none ? countOne(request, second) : NOT_COUNTED
        entries[i] = Math.max(place, NOT_COUNTED)
        if (place >= NOT_COUNTED || isExempt(request.sender)) continue
        waitsS ??= new Array<number>(requests.length).fill(0)
        waitsS[i] = NOT_COUNTED - place
      }
      return { entries, waitsS }
    },
    takeBack(entry) {
      if (entry === NOT_COUNTED) return
      // Another peer may be here by now: it is let off once.
      const state = table[entry + 1] as number
      if ((state & EARLY_COUNT_MAX) === 0) table[entry] = 0
      else table[entry + 1] = state - 1
    },
  }
}
