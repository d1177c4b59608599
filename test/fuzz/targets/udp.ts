import assert from 'node:assert/strict'
import { EVENT, makeReport } from '../../../lib/wire/announce.ts'
import type { InfoHash } from '../../../lib/wire/info-hash.ts'
import {
  parseUdpReply,
  type UdpReply,
  writeAnnounceReply,
  writeConnectReply,
  writeErrorReply,
  writeScrapeReply,
} from '../../../lib/wire/udp-reply.ts'
import {
  ACTION,
  parseUdpRequest,
  REQUEST_HEAD_BYTES,
  type UdpRequest,
  writeAnnounceRequest,
  writeConnectRequest,
  writeScrapeRequest,
} from '../../../lib/wire/udp-request.ts'
import { readUrlData, writeUrlData } from '../../../lib/wire/url-data.ts'
import { latin1, type Target } from '../target.ts'

/** The longest datagram that a frontend reads whole. */
const DATAGRAM_BYTES_MAX = 2048
/** What BEP 15 has clients ask for at most. */
const SCRAPE_INFO_HASHES_MAX = 74
const PROTOCOL_ID = Buffer.from('0000041727101980', 'hex')
/** More than this of URL data is never read: 1,024, and what the option that goes past it holds. */
const URL_BYTES_MAX = 1023 + 255
/** What the writer writes of URL data, the reader reads up to here. */
const URL_BYTES_KEPT = 1024

const announce = {
  connectionId: latin1('12345678'),
  transactionId: 7,
  infoHash: Buffer.alloc(20, 0xa1) as InfoHash,
  report: makeReport(Buffer.alloc(20, 'p'), 1n, 2n, 3n),
  event: EVENT.started,
  key: 9,
  numwant: -1,
  port: 6881,
}
const scrapeOf = (count: number): Buffer =>
  writeScrapeRequest({ ...announce, infoHashes: Array.from({ length: count }, () => announce.infoHash) })

function checkRequest(datagram: Buffer): void {
  const parsed = parseUdpRequest(datagram)
  if (!parsed.ok) return
  assert(datagram.length >= REQUEST_HEAD_BYTES, 'what is too short for a head is no request')
  const request = parsed.value
  if (request.action === ACTION.connect) assert(datagram.subarray(0, 8).equals(PROTOCOL_ID), 'a connect has the number')
  if (request.action === ACTION.announce) {
    assert(request.urlData.length <= URL_BYTES_MAX, 'no more URL data is kept than may be')
    assert(request.infoHash.buffer === datagram.buffer, 'nothing is copied')
  }
  if (request.action === ACTION.scrape) {
    assert(request.infoHashes.length >= 1 && request.infoHashes.length <= SCRAPE_INFO_HASHES_MAX)
  }
  const written = writeRequest(request)
  if (written) assert.deepEqual(parseUdpRequest(written), parsed)
}

/** The datagram of a request; undefined where a client has no way to write one. */
function writeRequest(request: UdpRequest): Buffer | undefined {
  switch (request.action) {
    case ACTION.connect:
      return writeConnectRequest(request.transactionId)
    case ACTION.announce:
      return request.urlData.length <= URL_BYTES_KEPT ? writeAnnounceRequest(request) : undefined
    case ACTION.scrape:
      return writeScrapeRequest(request)
    case ACTION.error:
      return undefined
    default: {
      const missed: never = request
      throw new Error(`unhandled request ${String(missed)}`)
    }
  }
}

function checkReply(datagram: Buffer): void {
  const parsed = parseUdpReply(datagram)
  if (!parsed.ok) return
  const written = writeReply(parsed.value)
  assert.deepEqual(parseUdpReply(written), parsed)
  // A message that is not UTF-8 is read with replacement characters, which are longer.
  if (parsed.value.action !== ACTION.error) assert(written.length <= datagram.length, 'it has not grown')
}

function writeReply(reply: UdpReply): Buffer {
  switch (reply.action) {
    case ACTION.connect:
      return writeConnectReply(reply.transactionId, reply.connectionId)
    case ACTION.announce:
      return writeAnnounceReply(reply.transactionId, reply)
    case ACTION.scrape:
      return writeScrapeReply(reply.transactionId, reply.counts)
    case ACTION.error:
      return writeErrorReply(reply.transactionId, reply.message)
    default: {
      const missed: never = reply
      throw new Error(`unhandled reply ${String(missed)}`)
    }
  }
}

function checkUrlData(input: Buffer): void {
  const read = readUrlData(input, 0)
  assert(read.length <= URL_BYTES_MAX && read.length <= input.length)
  if (read.length <= URL_BYTES_KEPT) assert.equal(readUrlData(writeUrlData(read), 0), read)
  const text = input.toString('latin1', 0, URL_BYTES_KEPT)
  const nop = Buffer.from([1])
  const end = Buffer.from([0, 2, 1, 65])
  assert.equal(readUrlData(Buffer.concat([nop, nop, writeUrlData(text), end]), 0), text)
}

/** What a UDP socket gets. */
export const udpTargets: readonly Target[] = [
  {
    name: 'udp-request',
    holds: 'what is read of a datagram, written and read again, is the same; nothing in it is longer than its limit',
    inputBytesMax: DATAGRAM_BYTES_MAX,
    seeds: [
      writeConnectRequest(1),
      writeAnnounceRequest({ ...announce, urlData: '' }),
      writeAnnounceRequest({ ...announce, urlData: '/announce?passkey=0123456789abcdef' }),
      scrapeOf(1),
      scrapeOf(SCRAPE_INFO_HASHES_MAX),
      scrapeOf(SCRAPE_INFO_HASHES_MAX + 1),
    ],
    words: [
      '\x00\x00\x04\x17\x27\x10\x19\x80',
      '\x00\x00\x00\x01',
      '\x00\x00\x00\x02',
      '\x02\x01a',
      '\x02\xff',
      '\x01',
    ],
    check: checkRequest,
  },
  {
    name: 'udp-reply',
    holds: 'what a client reads of a reply, written and read again, is the same',
    inputBytesMax: DATAGRAM_BYTES_MAX,
    seeds: [
      writeConnectReply(1, announce.connectionId),
      writeAnnounceReply(1, { intervalS: 1800, leechers: 1, seeders: 2, peers: latin1('192021') }),
      writeScrapeReply(1, [{ seeders: 1, completed: 2, leechers: 3 }]),
      writeErrorReply(1, 'bad connection id'),
    ],
    words: ['\x00\x00\x00\x01', '\x00\x00\x00\x02', '\x00\x00\x00\x03'],
    check: checkReply,
  },
  {
    name: 'url-data',
    holds: 'URL data comes through writing and reading, whatever no-ops are between and whatever follows its end',
    inputBytesMax: DATAGRAM_BYTES_MAX,
    seeds: [writeUrlData('/announce?passkey=0123456789abcdef'), writeUrlData('a'.repeat(1024))],
    words: ['\x00', '\x01', '\x02\x00', '\x02\xff', '\x02\x01a', '\x03\x01a'],
    check: checkUrlData,
  },
]
