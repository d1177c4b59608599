import { copyBytes } from './copy-bytes.ts'
import type { Counts } from './counts.ts'
import { IPV4_ENDPOINT_BYTES, IPV6_ENDPOINT_BYTES } from './endpoint.ts'
import { type Parsed, parsed, refused } from './parsed.ts'
import { ACTION } from './udp-request.ts'

/** What each reply begins with: its action and transaction id. */
export const REPLY_HEAD_BYTES = 8
const ANNOUNCE_HEAD_BYTES = 20
const SCRAPE_ENTRY_BYTES = 12
/** What one unfragmented packet carries at an MTU of 1500: less 20 bytes of IPv4 and 8 of UDP; less 40 and 8 of IPv6. */
const PAYLOAD_BYTES_MAX_IPV4 = 1472
const PAYLOAD_BYTES_MAX_IPV6 = 1452
/** (1472 - 20) / 6 = 242 peers. */
export const PEERS_MAX_IPV4 = Math.floor((PAYLOAD_BYTES_MAX_IPV4 - ANNOUNCE_HEAD_BYTES) / IPV4_ENDPOINT_BYTES)
/** (1452 - 20) / 18 = 79 peers. */
export const PEERS_MAX_IPV6 = Math.floor((PAYLOAD_BYTES_MAX_IPV6 - ANNOUNCE_HEAD_BYTES) / IPV6_ENDPOINT_BYTES)

/** What a tracker's datagram says. `peers` and `connectionId` are views into it. */
export type UdpReply =
  | { action: typeof ACTION.connect; transactionId: number; connectionId: Buffer }
  | {
      action: typeof ACTION.announce
      transactionId: number
      intervalS: number
      leechers: number
      seeders: number
      /** Endpoints, one after another, of the family that the datagram came by. */
      peers: Buffer
    }
  | { action: typeof ACTION.scrape; transactionId: number; counts: Counts[] }
  | { action: typeof ACTION.error; transactionId: number; message: string }

/** Gives so many bytes for a reply. */
export type ReplyRoom = (bytes: number) => Buffer

/** A connect reply, 16 bytes. */
export function writeConnectReply(
  transactionId: number,
  connectionId: Buffer,
  room: ReplyRoom = Buffer.allocUnsafe,
): Buffer {
  const reply = replyOf(ACTION.connect, transactionId, room(16))
  copyBytes(connectionId, 0, reply, REPLY_HEAD_BYTES, 8)
  return reply
}

/** An announce reply: 20 bytes and the peers, in wire form. */
export function writeAnnounceReply(
  transactionId: number,
  announce: { intervalS: number; leechers: number; seeders: number; peers: Buffer },
  room: ReplyRoom = Buffer.allocUnsafe,
): Buffer {
  const reply = replyOf(ACTION.announce, transactionId, room(ANNOUNCE_HEAD_BYTES + announce.peers.length))
  reply.writeUInt32BE(announce.intervalS, 8)
  reply.writeUInt32BE(announce.leechers, 12)
  reply.writeUInt32BE(announce.seeders, 16)
  announce.peers.copy(reply, ANNOUNCE_HEAD_BYTES)
  return reply
}

/** A scrape reply: 8 bytes and 12 for each swarm, in the order asked. */
export function writeScrapeReply(
  transactionId: number,
  counts: readonly Counts[],
  room: ReplyRoom = Buffer.allocUnsafe,
): Buffer {
  const reply = replyOf(ACTION.scrape, transactionId, room(REPLY_HEAD_BYTES + counts.length * SCRAPE_ENTRY_BYTES))
  let at = REPLY_HEAD_BYTES
  for (const { seeders, completed, leechers } of counts) {
    reply.writeUInt32BE(seeders, at)
    reply.writeUInt32BE(completed, at + 4)
    reply.writeUInt32BE(leechers, at + 8)
    at += SCRAPE_ENTRY_BYTES
  }
  return reply
}

/** An error: 8 bytes and the message. */
export function writeErrorReply(transactionId: number, message: string, room: ReplyRoom = Buffer.allocUnsafe): Buffer {
  const text = Buffer.from(message)
  const reply = replyOf(ACTION.error, transactionId, room(REPLY_HEAD_BYTES + text.length))
  text.copy(reply, REPLY_HEAD_BYTES)
  return reply
}

function replyOf(action: number, transactionId: number, reply: Buffer): Buffer {
  reply.writeUInt32BE(action, 0)
  reply.writeUInt32BE(transactionId, 4)
  return reply
}

const MALFORMED = refused('not a reply of BEP 15')

/** Reads a tracker's datagram, as a client does. Never throws. */
export function parseUdpReply(datagram: Buffer): Parsed<UdpReply> {
  if (datagram.length < REPLY_HEAD_BYTES) return MALFORMED
  const transactionId = datagram.readUInt32BE(4)
  const action = datagram.readUInt32BE(0)
  switch (action) {
    case ACTION.connect:
      if (datagram.length < 16) return MALFORMED
      return parsed({ action, transactionId, connectionId: datagram.subarray(8, 16) })
    case ACTION.announce:
      if (datagram.length < ANNOUNCE_HEAD_BYTES) return MALFORMED
      return parsed({
        action,
        transactionId,
        intervalS: datagram.readUInt32BE(8),
        leechers: datagram.readUInt32BE(12),
        seeders: datagram.readUInt32BE(16),
        peers: datagram.subarray(ANNOUNCE_HEAD_BYTES),
      })
    case ACTION.scrape:
      return parsed({ action, transactionId, counts: readScrapeEntries(datagram) })
    case ACTION.error:
      return parsed({ action, transactionId, message: datagram.toString('utf8', REPLY_HEAD_BYTES) })
    default:
      return MALFORMED
  }
}

function readScrapeEntries(datagram: Buffer): Counts[] {
  const counts: Counts[] = []
  for (let at = REPLY_HEAD_BYTES; at + SCRAPE_ENTRY_BYTES <= datagram.length; at += SCRAPE_ENTRY_BYTES) {
    counts.push({
      seeders: datagram.readUInt32BE(at),
      completed: datagram.readUInt32BE(at + 4),
      leechers: datagram.readUInt32BE(at + 8),
    })
  }
  return counts
}
