import { chooseUdpSockets } from '../../lib/udp/open-socket.ts'
import type { Datagram, UdpSocket } from '../../lib/udp/socket.ts'
import { EVENT, type Event } from '../../lib/wire/announce.ts'
import { type Endpoint, toEndpoint } from '../../lib/wire/endpoint.ts'
import { parseUdpReply } from '../../lib/wire/udp-reply.ts'
import { ACTION, writeAnnounceRequest, writeConnectRequest } from '../../lib/wire/udp-request.ts'
import { type LoadPeer, nextEvent } from '../../services/load/shape.ts'

/** What a load saw. */
export type LoadResult = {
  seconds: number
  connects: number
  announces: number
  errors: number
  lost: number
  peersPerAnnounce: number
}

/** Addresses that the load comes from: 127.0.1.1 and on. A peer keeps its address, or trackers would grow by it. */
export const LOAD_ADDRESSES = 16
/** Requests under way from each address. */
const OUTSTANDING = 64
const LOST_AFTER_MS = 1000

/** The address that a peer of the load is at. */
export const addressOfPeer = (peer: number): string => `127.0.1.${(peer % LOAD_ADDRESSES) + 1}`

type Slot = { sentMs: number; transactionId: number }
type Sender = { socket: UdpSocket; own: LoadPeer[]; connectionId: Buffer; slots: Slot[]; next: number }

/**
 * Loads the tracker at 127.0.0.1, closed loop: each reply makes room for the next request. With `fill`, announces every
 * peer once; otherwise, for so many seconds, half connects and half announces of peers by chance.
 */
export async function runUdpLoad({
  port,
  load,
  numwant,
  random,
  mode,
}: {
  port: number
  load: readonly LoadPeer[]
  numwant: number
  random: () => number
  mode: { fill: true } | { fill: false; seconds: number }
}): Promise<LoadResult> {
  const target = toEndpoint('127.0.0.1', port) as Endpoint
  const open = chooseUdpSockets()
  const result: LoadResult = { seconds: 0, connects: 0, announces: 0, errors: 0, lost: 0, peersPerAnnounce: 0 }
  let peersTold = 0
  let isRunning = false
  const finished = Promise.withResolvers<void>()

  const nextRequest = (sender: Sender, transactionId: number): Buffer | undefined => {
    if (!isRunning) return undefined
    if (mode.fill) {
      const peer = sender.own[sender.next++]
      return peer && announceOf(sender, peer, EVENT.started, transactionId)
    }
    if (random() < 0.5) return writeConnectRequest(transactionId)
    const peer = sender.own[Math.floor(random() * sender.own.length)] as LoadPeer
    return announceOf(sender, peer, nextEvent(peer, random), transactionId)
  }

  const announceOf = (sender: Sender, peer: LoadPeer, event: Event, transactionId: number): Buffer =>
    writeAnnounceRequest({
      connectionId: sender.connectionId,
      transactionId,
      infoHash: peer.infoHash,
      report: peer.report,
      event,
      key: 0,
      numwant,
      port: peer.endpoint.readUInt16BE(4),
      urlData: '',
    })

  /** Requests for these slots, as far as there is more to ask. */
  const ask = (sender: Sender, slots: readonly number[]): void => {
    const requests: Datagram[] = []
    for (const number of slots) {
      const slot = sender.slots[number] as Slot
      slot.transactionId = (slot.transactionId + OUTSTANDING) >>> 0
      const payload = nextRequest(sender, slot.transactionId)
      slot.sentMs = payload ? performance.now() : Number.POSITIVE_INFINITY
      if (payload) requests.push({ payload, source: target, via: undefined })
    }
    if (requests.length > 0) sender.socket.send(requests)
    else if (
      mode.fill &&
      senders.every((each) => each.slots.every((slot) => slot.sentMs === Number.POSITIVE_INFINITY))
    ) {
      finished.resolve()
    }
  }

  const take = (sender: Sender, { payload }: Datagram): number | undefined => {
    const reply = parseUdpReply(payload)
    if (!reply.ok) return undefined
    const number = reply.value.transactionId % OUTSTANDING
    if (sender.slots[number]?.transactionId !== reply.value.transactionId) return undefined
    switch (reply.value.action) {
      case ACTION.connect:
        result.connects += 1
        sender.connectionId = Buffer.from(reply.value.connectionId)
        break
      case ACTION.announce:
        result.announces += 1
        peersTold += reply.value.peers.length / 6
        break
      default:
        result.errors += 1
    }
    return number
  }

  const senders: Sender[] = []
  for (let i = 0; i < LOAD_ADDRESSES; i++) {
    const own = load.filter((_, peer) => peer % LOAD_ADDRESSES === i)
    const slots = Array.from({ length: OUTSTANDING }, (_, k) => ({ sentMs: 0, transactionId: k }))
    const socket = await open({ address: addressOfPeer(i), port: 0 }, (batch) => {
      const sender = senders[i] as Sender
      const free = batch.flatMap((datagram) => take(sender, datagram) ?? [])
      if (isRunning) ask(sender, free)
    })
    senders.push({ socket, own, connectionId: Buffer.alloc(8), slots, next: 0 })
  }
  await connectAll(senders, target)
  Object.assign(result, { connects: 0 })
  isRunning = true
  const startMs = performance.now()
  for (const sender of senders) ask(sender, sender.slots.keys().toArray())
  const sweep = setInterval(() => {
    const deadMs = performance.now() - LOST_AFTER_MS
    for (const sender of senders) {
      const lost = sender.slots.flatMap((slot, k) => (slot.sentMs < deadMs ? [k] : []))
      result.lost += lost.length
      if (lost.length > 0) ask(sender, lost)
    }
  }, 200)
  if (!mode.fill) setTimeout(finished.resolve, mode.seconds * 1000)
  await finished.promise
  isRunning = false
  clearInterval(sweep)
  result.seconds = (performance.now() - startMs) / 1000
  result.peersPerAnnounce = result.announces > 0 ? peersTold / result.announces : 0
  await Promise.all(senders.map(({ socket }) => socket.close()))
  return result
}

/** Gets each address its connection id; a slot's first transaction ids are used for that. */
async function connectAll(senders: readonly Sender[], target: Endpoint): Promise<void> {
  const deadlineMs = performance.now() + 5000
  while (senders.some((sender) => sender.connectionId.every((byte) => byte === 0))) {
    if (performance.now() > deadlineMs) throw new Error('the tracker does not answer')
    for (const { socket, slots } of senders) {
      socket.send([{ payload: writeConnectRequest((slots[0] as Slot).transactionId), source: target, via: undefined }])
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
