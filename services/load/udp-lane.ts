import type { Datagram, UdpSocket } from '../../lib/udp/socket.ts'
import { EVENT, type Event, makeReport } from '../../lib/wire/announce.ts'
import type { Endpoint } from '../../lib/wire/endpoint.ts'
import { INFO_HASH_BYTES, type InfoHash } from '../../lib/wire/info-hash.ts'
import {
  REQUEST_HEAD_BYTES,
  writeAnnounceRequest,
  writeConnectRequest,
  writeScrapeRequest,
} from '../../lib/wire/udp-request.ts'
import { FILL_TRIES_MAX, type LoaderParts } from './loader.ts'
import { type Place, pickPeer, pickTorrents } from './plan.ts'
import { type LoadPeer, nextEvent } from './shape.ts'
import { countWrong, KIND, type Kind, LOST_AFTER_MS } from './tally.ts'
import { type Asked, countUdpReply } from './udp-checks.ts'

/** Where the parts of a request are that change from one to the next (BEP 15). */
const AT = { connectionId: 0, transactionId: 12, infoHash: 16, report: 36, event: 80, port: 96 } as const
/** A client may use a connection id for a minute. */
const CONNECTION_ID_MS_MAX = 45_000
const FREE = Number.POSITIVE_INFINITY
/** The weight of one latency in the running mean. */
const MEAN_SHARE = 1 / 64

/** The requests of one address: a fixed number of slots, each with buffers of its own that are patched in place. */
export type UdpLane = {
  /** Counts what came in. */
  take: (batch: readonly Datagram[]) => void
  /** Makes the next `started` announces of the fill, as far as there is room. */
  askFill: (nowMs: number) => void
  /** Makes a request of the load that was due then; there must be room. */
  askLoad: (dueMs: number, nowMs: number) => void
  askConnect: (nowMs: number) => void
  /** Sends what was made. */
  flush: (socket: UdpSocket) => void
  /** Gives up what is too long under way. */
  sweep: (nowMs: number) => void
  underWay: () => number
  room: () => number
  isConnected: () => boolean
  isFilled: () => boolean
  /** Mean of the last latencies: how long it may rest without being late. */
  meanMs: () => number
  /** Forgets what is under way. */
  clear: () => void
}

/** The lane of an address. */
export function makeLane({ plan, options, tally, latencies }: LoaderParts, place: Place, target: Endpoint): UdpLane {
  const { own, slots } = place
  const { random } = plan
  const ids = Uint32Array.from({ length: slots }, (_, slot) => slot)
  const dueMs = new Float64Array(slots).fill(FREE)
  const sentMs = new Float64Array(slots).fill(FREE)
  const kinds = new Uint8Array(slots)
  const events = new Uint8Array(slots)
  const gaveUp = new Uint32Array(slots)
  /** How often the announce is made again if it is lost or refused: of a fill alone. */
  const triesLeft = new Uint8Array(slots)
  /** Whose announce it is; whose torrents a scrape asks for. */
  const peers: LoadPeer[] = []
  const scraped: LoadPeer[][] = []
  const free = Int32Array.from({ length: slots }, (_, slot) => slots - 1 - slot)
  const datagramsOf = (make: () => Buffer): Datagram[] =>
    Array.from({ length: slots }, () => ({ payload: make(), source: target, via: undefined }))
  const write = requestWriters((own[0] as LoadPeer).infoHash, options.numwant, options.scrapeHashes)
  const datagrams = [datagramsOf(write.connect), datagramsOf(write.announce), datagramsOf(write.scrape)]
  const scrapes = (datagrams[KIND.scrape] as Datagram[]).map(({ payload }) => payload)
  const outgoing: Datagram[] = []
  const connectionId = Buffer.alloc(8)
  const asked: Asked = {
    ...{ kind: KIND.connect, isStopped: false, numwant: options.numwant, scraped: [] },
    endpointBytes: target.length,
  }
  let freeCount = slots
  let connectedMs = Number.NEGATIVE_INFINITY
  let connecting = 0
  let filled = 0
  let meanMs = 0

  const begin = (slot: number, kind: Kind, due: number, nowMs: number): Buffer => {
    const id = ((ids[slot] as number) + slots) >>> 0
    ids[slot] = id
    kinds[slot] = kind
    dueMs[slot] = due
    sentMs[slot] = nowMs
    triesLeft[slot] = 0
    if (kind === KIND.connect) connecting += 1
    const datagram = (datagrams[kind] as Datagram[])[slot] as Datagram
    outgoing.push(datagram)
    datagram.payload.writeUInt32BE(id, AT.transactionId)
    if (kind !== KIND.connect) datagram.payload.set(connectionId, AT.connectionId)
    return datagram.payload
  }

  const announce = (slot: number, peer: LoadPeer, event: Event, due: number, nowMs: number): void => {
    const payload = begin(slot, KIND.announce, due, nowMs)
    payload.set(peer.infoHash, AT.infoHash)
    payload.set(peer.report, AT.report)
    payload[AT.event + 3] = event
    payload[AT.port] = peer.endpoint[peer.endpoint.length - 2] as number
    payload[AT.port + 1] = peer.endpoint[peer.endpoint.length - 1] as number
    events[slot] = event
    peers[slot] = peer
  }

  const scrape = (slot: number, due: number, nowMs: number): void => {
    const picked = pickTorrents(own, options.scrapeHashes, random)
    scraped[slot] = picked
    const datagram = (datagrams[KIND.scrape] as Datagram[])[slot] as Datagram
    datagram.payload = (scrapes[slot] as Buffer).subarray(0, REQUEST_HEAD_BYTES + picked.length * INFO_HASH_BYTES)
    const payload = begin(slot, KIND.scrape, due, nowMs)
    for (const [i, { infoHash }] of picked.entries()) payload.set(infoHash, REQUEST_HEAD_BYTES + i * INFO_HASH_BYTES)
  }

  const announceFill = (slot: number, peer: LoadPeer, tries: number, nowMs: number): void => {
    announce(slot, peer, EVENT.started, nowMs, nowMs)
    triesLeft[slot] = tries - 1
  }

  /** One renewal at a time: all slots would have theirs in the same round otherwise. */
  const mustRenew = (nowMs: number): boolean => connecting === 0 && nowMs - connectedMs > CONNECTION_ID_MS_MAX

  const takeSlot = (): number => free[--freeCount] as number
  const freeSlot = (slot: number): void => {
    dueMs[slot] = FREE
    sentMs[slot] = FREE
    if (kinds[slot] === KIND.connect) connecting -= 1
    free[freeCount++] = slot
  }

  const takeOne = (reply: Buffer, nowMs: number): void => {
    if (reply.length < 8) {
      countWrong(tally, 'a reply shorter than 8 bytes')
      return
    }
    const id = reply.readUInt32BE(4)
    const slot = id % slots
    if (ids[slot] !== id || sentMs[slot] === FREE) {
      // What was given up may still be answered; of what was never asked, or is answered twice, no tracker may speak.
      if ((gaveUp[slot] as number) > 0) gaveUp[slot] = (gaveUp[slot] as number) - 1
      else countWrong(tally, 'a transaction id that is not under way')
      return
    }
    asked.kind = kinds[slot] as Kind
    asked.isStopped = events[slot] === EVENT.stopped
    asked.scraped = scraped[slot] ?? []
    const isRefused = countUdpReply(tally, reply, asked)
    if (asked.kind === KIND.connect && reply.length >= 16 && reply.readUInt32BE(0) === 0) {
      reply.copy(connectionId, 0, 8, 16)
      connectedMs = nowMs
    }
    latencies.record(nowMs - (dueMs[slot] as number))
    meanMs += (nowMs - (sentMs[slot] as number) - meanMs) * MEAN_SHARE
    if (asked.kind === KIND.announce && !isRefused) (peers[slot] as LoadPeer).isCounted = !asked.isStopped
    if (isRefused) endFailed(slot, nowMs)
    else freeSlot(slot)
  }

  const endFailed = (slot: number, nowMs: number): void => {
    const tries = triesLeft[slot] as number
    if (tries > 0) announceFill(slot, peers[slot] as LoadPeer, tries, nowMs)
    else freeSlot(slot)
  }

  return {
    take(batch) {
      const nowMs = performance.now()
      for (const { payload, source } of batch) {
        if (source.equals(target)) takeOne(payload, nowMs)
        else countWrong(tally, 'a reply from another address')
      }
    },
    askFill(nowMs) {
      while (freeCount > 0 && filled < own.length) {
        const slot = takeSlot()
        if (mustRenew(nowMs)) begin(slot, KIND.connect, nowMs, nowMs)
        else announceFill(slot, own[filled++] as LoadPeer, FILL_TRIES_MAX, nowMs)
      }
    },
    askLoad(due, nowMs) {
      const slot = takeSlot()
      const kind = mustRenew(nowMs) ? KIND.connect : plan.pickKind()
      if (kind === KIND.connect) begin(slot, kind, due, nowMs)
      else if (kind === KIND.scrape) scrape(slot, due, nowMs)
      else {
        const peer = pickPeer(own, random)
        announce(slot, peer, nextEvent(peer, random), due, nowMs)
      }
    },
    askConnect: (nowMs) => void (freeCount > 0 && begin(takeSlot(), KIND.connect, nowMs, nowMs)),
    flush(socket) {
      if (outgoing.length === 0) return
      socket.send(outgoing)
      outgoing.length = 0
    },
    sweep(nowMs) {
      for (let slot = 0; slot < slots; slot++) {
        if ((sentMs[slot] as number) >= nowMs - LOST_AFTER_MS) continue
        tally.lost += 1
        gaveUp[slot] = (gaveUp[slot] as number) + 1
        endFailed(slot, nowMs)
      }
    },
    underWay: () => slots - freeCount,
    room: () => freeCount,
    isConnected: () => connectedMs > 0,
    isFilled: () => filled === own.length && freeCount === slots,
    meanMs: () => meanMs,
    clear() {
      for (let slot = 0; slot < slots; slot++) {
        if (sentMs[slot] === FREE) continue
        gaveUp[slot] = (gaveUp[slot] as number) + 1
        freeSlot(slot)
      }
    },
  }
}

/** Writers of a request of each kind, to be patched: what changes from one to the next is left empty. */
function requestWriters(infoHash: InfoHash, numwant: number, scrapeHashes: number) {
  const head = { connectionId: Buffer.alloc(8), transactionId: 0 }
  const report = makeReport(Buffer.alloc(20), 0n, 0n, 0n)
  const rest = { report, event: EVENT.none, key: 0, numwant, port: 0, urlData: '' }
  return {
    connect: () => writeConnectRequest(0),
    announce: () => writeAnnounceRequest({ ...head, ...rest, infoHash }),
    scrape: () => writeScrapeRequest({ ...head, infoHashes: new Array<InfoHash>(scrapeHashes).fill(infoHash) }),
  }
}
