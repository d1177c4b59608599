import { type AnnounceRequest, EVENT, reportsSeeder } from '../wire/announce.ts'
import { copyBytes } from '../wire/copy-bytes.ts'
import type { Counts } from '../wire/counts.ts'
import type { Endpoint } from '../wire/endpoint.ts'
import { type AccessCheck, passkeyAdmission } from './access.ts'
import { type Admission, type AdmissionCause, firstOf } from './admission.ts'
import type { EarlyAnnounces } from './early-announces.ts'
import { refusalText, retryInS } from './refusal.ts'
import type { Refusal, StoredAnnounce, StoredReply, SwarmStore } from './store.ts'
import type { TorrentLimits } from './torrent-limits.ts'

/** What an operator sets of announces. */
export type AnnouncePolicy = {
  /** It may grow under load. */
  intervalS: () => number
  minIntervalS: number
  numwantDefault: number
  numwantMax: number
  /** Whether the store keeps peer ids. */
  peerDetails: boolean
}

/** The largest share of the interval that is added to it by chance, so that clients do not come all at once. */
export const INTERVAL_SPREAD = 0.1

/** What a client is answered, whichever protocol it speaks. */
export type AnnounceOutcome =
  | ({
      ok: true
      intervalS: number
      minIntervalS: number
      /** Seconds to wait for peers, where the announce came too early once too often and is told none; else 0. */
      waitS: number
      peers: Buffer
      withPeerIds: boolean
    } & Counts)
  | { ok: false; cause: Refusal | AdmissionCause; reason: string; retryInS: number | undefined }

/** Answers announces, many at once, in order; never rejects. `peersMax`: what a reply of this kind has room for. */
export type Announcer = (requests: readonly AnnounceRequest[], peersMax: number) => Promise<AnnounceOutcome[]>

/** What a tracker decides of an announce: role, numwant, interval, and which of the store's peers are told. */
export function makeAnnouncer({
  store,
  policy,
  access,
  admissions = [],
  torrentLimits,
  earlyAnnounces,
  random,
}: {
  store: Pick<SwarmStore, 'announce'>
  /** Who may use a private tracker; left out where anybody may, and no passkey counts. */
  access?: AccessCheck | undefined
  /** What else an announce has to pass. */
  admissions?: readonly Admission[]
  /** Who may add a torrent; left out: all may. */
  torrentLimits?: TorrentLimits | undefined
  /** Left out where nobody comes too early. */
  earlyAnnounces?: EarlyAnnounces | undefined
  policy: AnnouncePolicy
  random: () => number
}): Announcer {
  const numwantOf = (request: AnnounceRequest, peersMax: number): number => {
    if (request.event === EVENT.stopped) return 0
    const wanted = request.numwant < 0 ? policy.numwantDefault : request.numwant
    return Math.min(wanted, policy.numwantMax, peersMax)
  }

  const toStored = (request: AnnounceRequest, peersMax: number): StoredAnnounce => ({
    infoHash: request.infoHash,
    endpoint: request.endpoint,
    report: request.report,
    event: request.event,
    isSeeder: reportsSeeder(request.report),
    numwant: numwantOf(request, peersMax),
    wantsPeerIds: request.wantsPeerIds && policy.peerDetails,
    passkey: access ? request.passkey : '',
    bar: torrentLimits?.barOf(request.sender),
  })

  const toOutcome = (
    announce: StoredAnnounce,
    reply: StoredReply,
    { sender }: AnnounceRequest,
    waitS: number,
  ): AnnounceOutcome => {
    if (!reply.ok) {
      const { refusal } = reply
      return { ok: false, cause: refusal, reason: refusalText(refusal), retryInS: retryInS(refusal, random) }
    }
    if (reply.isNewTorrent) torrentLimits?.added(sender)
    return {
      ok: true,
      intervalS: Math.round(policy.intervalS() * (1 + INTERVAL_SPREAD * random())),
      minIntervalS: policy.minIntervalS,
      waitS,
      seeders: reply.seeders,
      leechers: reply.leechers,
      completed: reply.completed,
      peers: announce.wantsPeerIds
        ? reply.peers
        : choosePeers(reply.peers, announce.endpoint, announce.numwant, random),
      withPeerIds: announce.wantsPeerIds,
    }
  }

  const answer: Announcer = async (requests, peersMax) => {
    const early = earlyAnnounces?.count(requests)
    const waitS = (i: number): number => early?.waitsS?.[i] ?? 0
    const announces = requests.map((request, i) => toStored(request, waitS(i) > 0 ? 0 : peersMax))
    const replies = await store.announce(announces)
    return replies.map((reply, i) => {
      if (early && !reply.ok) earlyAnnounces?.takeBack(early.entries[i] as number)
      return toOutcome(announces[i] as StoredAnnounce, reply, requests[i] as AnnounceRequest, waitS(i))
    })
  }
  const checks = access ? [passkeyAdmission(access), ...admissions] : admissions
  return checks.length > 0 ? admitting(firstOf(checks), answer) : answer
}

/** An announcer that hands on the announces that are admitted, and tells the others why they are not. */
const admitting =
  (admission: Admission, answer: Announcer): Announcer =>
  async (requests, peersMax) => {
    const refusals = requests.map(admission)
    if (refusals.every((refused) => refused === undefined)) return answer(requests, peersMax)
    const outcomes = (
      await answer(
        requests.filter((_, i) => refusals[i] === undefined),
        peersMax,
      )
    ).values()
    return refusals.map((refused) =>
      refused === undefined
        ? (outcomes.next().value as AnnounceOutcome)
        : { ok: false, ...refused, retryInS: undefined },
    )
  }

/**
 * At most `numwant` of the endpoints, never the asker's own: a window from a random one on, that goes round at the end,
 * so that each is as likely as any other. Changes the order of `peers` in place.
 */
export function choosePeers(peers: Buffer, own: Endpoint, numwant: number, random: () => number): Buffer {
  const width = own.length
  const end = withoutOwn(peers, own)
  const bytes = numwant * width
  if (end <= bytes) return end === peers.length ? peers : peers.subarray(0, end)
  const from = Math.floor((random() * end) / width) * width
  if (from + bytes <= end) return peers.subarray(from, from + bytes)
  // What it has from the start goes before what it has from the end: no other window is cut from these.
  peers.copyWithin(end - bytes, 0, from + bytes - end)
  return peers.subarray(end - bytes, end)
}

/** Puts the last one in the place of one's own; answers where the others end. */
function withoutOwn(peers: Buffer, own: Endpoint): number {
  const at = placeOf(own, peers)
  if (at < 0) return peers.length
  const end = peers.length - own.length
  copyBytes(peers, end, peers, at, own.length)
  return end
}

/** Where an endpoint stands among others, which `indexOf` takes three times as long to find. */
function placeOf(endpoint: Endpoint, peers: Buffer): number {
  const width = endpoint.length
  const last = endpoint[width - 1]
  for (let at = 0; at < peers.length; at += width) {
    if (peers[at + width - 1] !== last) continue
    let same = 0
    while (same < width - 1 && peers[at + same] === endpoint[same]) same += 1
    if (same === width - 1) return at
  }
  return -1
}
