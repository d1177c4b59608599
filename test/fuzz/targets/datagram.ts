import assert from 'node:assert/strict'
import { makeCounters } from '../../../lib/observe/counters.ts'
import type { Datagram } from '../../../lib/udp/socket.ts'
import { EVENT, makeReport } from '../../../lib/wire/announce.ts'
import { makeConnectionIds } from '../../../lib/wire/connection-id.ts'
import { type Endpoint, portOf, toEndpoint } from '../../../lib/wire/endpoint.ts'
import type { InfoHash } from '../../../lib/wire/info-hash.ts'
import { parseUdpReply } from '../../../lib/wire/udp-reply.ts'
import {
  ACTION,
  parseUdpRequest,
  writeAnnounceRequest,
  writeConnectRequest,
  writeScrapeRequest,
} from '../../../lib/wire/udp-request.ts'
import { makeDatagramHandler } from '../../../services/udp/datagram.ts'
import { makeErrorBudget } from '../../../services/udp/error-budget.ts'
import { announcerFrom, checkPlace, POLICY } from '../store.ts'
import { latin1, makeReader, type Target } from '../target.ts'

const NOW_S = 1_800_000_000
const LIFETIME_S = 120
const PAYLOAD_BYTES_MAX_IPV4 = 1472
const PAYLOAD_BYTES_MAX_IPV6 = 1452
const DATAGRAM_BYTES_MAX = 2048

const connectionIds = makeConnectionIds({ secret: Buffer.alloc(32, 's'), lifetimeS: LIFETIME_S })
const errorBudget = makeErrorBudget(1)
/** Each input comes a minute later: its error is not one too many, and no tables are made for it alone. */
let budgetS = NOW_S
const IPV4 = toEndpoint('192.0.2.1', 50000) as Endpoint
const IPV6 = toEndpoint('2001:db8::1', 50000) as Endpoint
const NEIGHBOUR = writeConnectRequest(0x4e45_4947)

/**
 * The first byte of an input says of which family the datagram is, what its connection id is made (valid, expired, or what it is)
 * and whether its sender may name an address; then come what the store answers, and the datagram.
 */
async function check(input: Buffer): Promise<void> {
  const reader = makeReader(input)
  const flags = reader.u8()
  const source = flags & 1 ? IPV6 : IPV4
  const mayName = (flags & 8) !== 0
  const { announcer, store, asked } = announcerFrom(reader)
  const payload = reader.rest()
  const idOf = (atS: number): Buffer => connectionIds([source], atS).issue(0)
  if (flags & 2) idOf(NOW_S).copy(payload)
  else if (flags & 4) idOf(NOW_S - 10 * LIFETIME_S).copy(payload)
  budgetS += 60
  const counters = makeCounters()
  const handle = makeDatagramHandler({
    announcer,
    store,
    mayNameAddress: () => mayName,
    connectionIds,
    errorBudget: (address, standing) => errorBudget(address, standing, budgetS),
    counters,
    nowS: () => NOW_S,
  })
  const sent: Datagram[] = []
  const batch = [payload, NEIGHBOUR].map((each) => ({ payload: each, source, via: undefined }))
  await handle(batch, (replies) => void sent.push(...replies))

  const [neighbours, replies] = [sent.filter(isNeighbours), sent.filter((reply) => !isNeighbours(reply))]
  if (!payload.subarray(12, 16).equals(NEIGHBOUR.subarray(12, 16))) {
    assert.equal(neighbours.length, 1, 'the next datagram of the batch is answered')
    assert(replies.length <= 1, 'a datagram has one reply at most')
  }
  for (const announce of asked) checkPlace(announce, source, mayName && source === IPV4)
  const own = asked[0]?.endpoint
  for (const reply of replies) checkReply(payload, reply.payload, source, { own, isProven: (flags & 2) !== 0 })
  const ignored = sent.length === 2 ? 0 : 1
  assert.equal(counters.udp_ignored, ignored, 'what gets silence is counted')
}

const isNeighbours = ({ payload }: Datagram): boolean => payload.readUInt32BE(4) === 0x4e45_4947

type Known = { own: Endpoint | undefined; isProven: boolean }

function checkReply(payload: Buffer, reply: Buffer, source: Endpoint, { own, isProven }: Known): void {
  const [request, read] = [parseUdpRequest(payload), parseUdpReply(reply)]
  assert(request.ok && read.ok, 'a reply answers a request and can be read')
  assert.equal(read.value.transactionId, request.value.transactionId)
  assert(reply.length <= (source === IPV4 ? PAYLOAD_BYTES_MAX_IPV4 : PAYLOAD_BYTES_MAX_IPV6), 'it fits one packet')
  if (!isProven) assert(reply.length <= payload.length, 'nobody is sent more than came from their address')
  if (read.value.action === ACTION.error) return
  assert.equal(read.value.action, request.value.action)
  if (request.value.action !== ACTION.connect) assert(isProven, 'a connection id that we did not issue proves nothing')
  if (read.value.action !== ACTION.announce || request.value.action !== ACTION.announce) return
  const { peers, intervalS } = read.value
  assert(intervalS >= POLICY.intervalS() && intervalS <= POLICY.intervalS() * 1.1 + 1)
  assert.equal(peers.length % source.length, 0, 'peers are whole')
  const { numwant, port, event } = request.value
  assert(port > 0 || event === EVENT.stopped, 'nobody is at port 0')
  const wanted = numwant < 0 ? POLICY.numwantDefault : Math.min(numwant, POLICY.numwantMax)
  assert(peers.length / source.length <= wanted, 'no more peers than are wanted')
  assert.equal(own && portOf(own), port, 'a peer is at the port that it announces')
  const seen = new Set<string>()
  for (let at = 0; at < peers.length; at += source.length) seen.add(peers.toString('hex', at, at + source.length))
  assert.equal(seen.size, peers.length / source.length, 'no peer comes twice')
  assert(!seen.has(own?.toString('hex') ?? ''), 'nobody is told of themselves')
}

/** An input of flags, what the store answers and a datagram. */
const inputOf = (flags: number, store: string, datagram: Buffer): Buffer =>
  Buffer.concat([Buffer.from([flags]), latin1(store.padEnd(STORE_BYTES, '\x00')), datagram])
/** What `storeFrom` and the announcer's chance read. */
const STORE_BYTES = 19
const GOOD = '\xff\x00\x00\x00\x05\x00\x00\x00\x07\x00\x00\x00\x09\x01\x2c\x00\x03\x80'
const SHIFTED = GOOD.replace('\x2c\x00\x03', '\x2c\x80\x03')
const AWAY = '\x02'

const announce = writeAnnounceRequest({
  connectionId: Buffer.alloc(8),
  transactionId: 7,
  infoHash: Buffer.alloc(20, 0xa1) as InfoHash,
  report: makeReport(Buffer.alloc(20, 'p'), 1n, 2n, 3n),
  event: 2,
  key: 9,
  numwant: 30,
  port: 6881,
  urlData: '',
})
const named = Buffer.from(announce).fill(Buffer.from('c6336408', 'hex'), 84, 88)
const portless = Buffer.from(announce).fill(0, 96)
const scrape = writeScrapeRequest({
  connectionId: Buffer.alloc(8),
  transactionId: 7,
  infoHashes: Array.from({ length: 74 }, () => Buffer.alloc(20, 0xa1) as InfoHash),
})

/** What the UDP tracker sends for a datagram. */
export const datagramTargets: readonly Target[] = [
  {
    name: 'datagram',
    holds:
      'a reply fits one packet and is no longer than the request before the address is proven; the asker is never told of, nor stored where it may not be',
    inputBytesMax: DATAGRAM_BYTES_MAX,
    seeds: [0, 1, 2, 3, 4, 10, 11].flatMap((flags) =>
      [announce, named, portless, scrape, scrape.subarray(0, 16), writeConnectRequest(7), Buffer.alloc(40, 9)].flatMap(
        (datagram) => [
          inputOf(flags, GOOD, datagram),
          inputOf(flags, SHIFTED, datagram),
          inputOf(flags, AWAY, datagram),
        ],
      ),
    ),
    words: ['\x00\x00\x04\x17\x27\x10\x19\x80', '\x00\x00\x00\x01', '\x00\x00\x00\x02', '\xff\xff\xff\xff'],
    check,
  },
]
