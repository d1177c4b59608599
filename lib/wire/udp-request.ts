import { EVENT, type Event, REPORT_BYTES } from './announce.ts'
import { INFO_HASH_BYTES, type InfoHash } from './info-hash.ts'
import { type Parsed, parsed, refused } from './parsed.ts'
import { readUrlData, writeUrlData } from './url-data.ts'

/** The number that a connect request opens with (BEP 15). */
export const PROTOCOL_ID = 0x41727101980n
/** Bytes of a connect request, and of the head of every other request. */
export const REQUEST_HEAD_BYTES = 16
/** Bytes of an announce before its options. */
export const ANNOUNCE_BYTES = 98
/** Info hashes answered in one scrape: BEP 15 has clients ask for "up to about 74". More are passed over. */
export const SCRAPE_INFO_HASHES_MAX = 74

/** BEP 15's numbers of the actions. */
export const ACTION = { connect: 0, announce: 1, scrape: 2, error: 3 } as const

type Head = {
  /** 8 bytes, as the client gave them; a view into the datagram. */
  connectionId: Buffer
  transactionId: number
}
/** A connect request: it proves nothing yet. */
export type ConnectRequest = { action: typeof ACTION.connect; transactionId: number }
/** An announce as it stands in its datagram: `infoHash` and `report` are views into it. */
export type UdpAnnounceRequest = Head & {
  action: typeof ACTION.announce
  infoHash: InfoHash
  report: Buffer
  event: Event
  /** The IPv4 address that the client names as its own; 0 where it names none, as nearly all do. */
  ip: number
  /** Random number of the client, the same across its changes of address. */
  key: number
  numwant: number
  port: number
  /** Path and query of the tracker's URL (BEP 41), where the client sends them. */
  urlData: string
}
/** A scrape: the first 74 info hashes asked for, in order, views into the datagram. */
export type UdpScrapeRequest = Head & { action: typeof ACTION.scrape; infoHashes: InfoHash[] }
/** Anything with a head that BEP 15 knows no answer to: an error may be sent once the connection id is checked. */
export type UnservedRequest = Head & { action: typeof ACTION.error; reason: string }
/** What a datagram can ask for. */
export type UdpRequest = ConnectRequest | UdpAnnounceRequest | UdpScrapeRequest | UnservedRequest

const TOO_SHORT = refused('datagram too short')
const NO_MAGIC = refused('no protocol id')
const PROTOCOL_ID_HIGH = 0x417
const PROTOCOL_ID_LOW = 0x27101980

/**
 * Reads one datagram (BEP 15, with BEP 41 options). A refusal must not be answered: anybody could have sent it from a
 * forged address. What may get an error once its connection id holds comes as an `UnservedRequest`. Never throws.
 */
export function parseUdpRequest(datagram: Buffer): Parsed<UdpRequest> {
  if (datagram.length < REQUEST_HEAD_BYTES) return TOO_SHORT
  const transactionId = datagram.readUInt32BE(12)
  switch (datagram.readUInt32BE(8)) {
    case ACTION.connect:
      if (datagram.readUInt32BE(0) !== PROTOCOL_ID_HIGH || datagram.readUInt32BE(4) !== PROTOCOL_ID_LOW) return NO_MAGIC
      return parsed({ action: ACTION.connect, transactionId })
    case ACTION.announce:
      return parseAnnounce(datagram, transactionId)
    case ACTION.scrape:
      return parseScrape(datagram, transactionId)
    default:
      return unserved(datagram, transactionId, 'unknown action')
  }
}

function unserved(datagram: Buffer, transactionId: number, reason: string): Parsed<UnservedRequest> {
  return parsed({ action: ACTION.error, connectionId: datagram.subarray(0, 8), transactionId, reason })
}

function parseAnnounce(datagram: Buffer, transactionId: number): Parsed<UdpRequest> {
  if (datagram.length < ANNOUNCE_BYTES) return TOO_SHORT
  return parsed({
    action: ACTION.announce,
    connectionId: datagram.subarray(0, 8),
    transactionId,
    infoHash: datagram.subarray(16, 36) as InfoHash,
    report: datagram.subarray(36, 36 + REPORT_BYTES),
    event: eventOf(datagram.readUInt32BE(80)),
    // Whose word counts is for the tracker to say: believed of anybody, it would poison swarms.
    ip: datagram.readUInt32BE(84),
    key: datagram.readUInt32BE(88),
    // BEP 15: numwant -1 means "your default"; read unsigned it would become 4294967295 and be cut to the maximum.
    numwant: datagram.readInt32BE(92),
    port: datagram.readUInt16BE(96),
    urlData: datagram.length === ANNOUNCE_BYTES ? '' : readUrlData(datagram, ANNOUNCE_BYTES),
  })
}

/** Event 4 is BEP 21's `paused`; it and whatever else a client makes up is a regular announce. */
const eventOf = (number: number): Event => (number <= EVENT.stopped ? (number as Event) : EVENT.none)

function parseScrape(datagram: Buffer, transactionId: number): Parsed<UdpRequest> {
  const asked = Math.floor((datagram.length - REQUEST_HEAD_BYTES) / INFO_HASH_BYTES)
  if (asked === 0) return unserved(datagram, transactionId, 'scrape without an info hash')
  const infoHashes: InfoHash[] = []
  for (let i = 0; i < Math.min(asked, SCRAPE_INFO_HASHES_MAX); i++) {
    const at = REQUEST_HEAD_BYTES + i * INFO_HASH_BYTES
    infoHashes.push(datagram.subarray(at, at + INFO_HASH_BYTES) as InfoHash)
  }
  return parsed({ action: ACTION.scrape, connectionId: datagram.subarray(0, 8), transactionId, infoHashes })
}

/** Writes a connect request, 16 bytes. */
export function writeConnectRequest(transactionId: number): Buffer {
  const datagram = Buffer.allocUnsafe(REQUEST_HEAD_BYTES)
  datagram.writeBigUInt64BE(PROTOCOL_ID, 0)
  datagram.writeUInt32BE(ACTION.connect, 8)
  datagram.writeUInt32BE(transactionId, 12)
  return datagram
}

/** Writes an announce: 98 bytes and, where there is URL data, BEP 41's options. */
export function writeAnnounceRequest({
  ip = 0,
  ...request
}: Omit<UdpAnnounceRequest, 'action' | 'ip'> & { ip?: number }): Buffer {
  const options = writeUrlData(request.urlData)
  const datagram = Buffer.alloc(ANNOUNCE_BYTES + options.length)
  writeHead(datagram, request, ACTION.announce)
  request.infoHash.copy(datagram, 16)
  request.report.copy(datagram, 36)
  datagram.writeUInt32BE(request.event, 80)
  datagram.writeUInt32BE(ip, 84)
  datagram.writeUInt32BE(request.key, 88)
  datagram.writeInt32BE(request.numwant, 92)
  datagram.writeUInt16BE(request.port, 96)
  options.copy(datagram, ANNOUNCE_BYTES)
  return datagram
}

/** Writes a scrape: 16 bytes and 20 for each info hash. */
export function writeScrapeRequest(request: Omit<UdpScrapeRequest, 'action'>): Buffer {
  const datagram = Buffer.allocUnsafe(REQUEST_HEAD_BYTES + request.infoHashes.length * INFO_HASH_BYTES)
  writeHead(datagram, request, ACTION.scrape)
  for (const [i, infoHash] of request.infoHashes.entries()) {
    infoHash.copy(datagram, REQUEST_HEAD_BYTES + i * INFO_HASH_BYTES)
  }
  return datagram
}

function writeHead(datagram: Buffer, head: Head, action: number): void {
  head.connectionId.copy(datagram, 0, 0, 8)
  datagram.writeUInt32BE(action, 8)
  datagram.writeUInt32BE(head.transactionId, 12)
}
