import assert from 'node:assert/strict'
import bencode from 'bencode'
import { makeCounters } from '../../../lib/observe/counters.ts'
import { makeReport, readReport, reportsSeeder } from '../../../lib/wire/announce.ts'
import { type Endpoint, toEndpoint } from '../../../lib/wire/endpoint.ts'
import {
  HTTP_SCRAPE_INFO_HASHES_MAX,
  parseHttpAnnounce,
  parseHttpScrape,
  writeHttpAnnounce,
  writeHttpScrape,
} from '../../../lib/wire/http-request.ts'
import { type InfoHash, infoHashFromHex } from '../../../lib/wire/info-hash.ts'
import { decodeBytes, encodeBytes, parseQuery } from '../../../lib/wire/query.ts'
import { makeRequestHandlers } from '../../../services/http/request.ts'
import { type Bencoded, readStrictly } from '../../support/bencoding.ts'
import { announcerFrom, checkPlace, POLICY } from '../store.ts'
import { latin1, makeReader, type Target } from '../target.ts'

/** As long as the URL may be. */
const QUERY_BYTES_MAX = 8000
const U64_MAX = 2n ** 64n - 1n

const infoHash = Buffer.alloc(20, 0xa1) as InfoHash
const announceQuery = writeHttpAnnounce({
  infoHash,
  report: makeReport(Buffer.from('-RS0001-abcdefghijkl'), 1n, U64_MAX, 3n),
  event: 2,
  numwant: 30,
  port: 6881,
  compact: false,
  noPeerId: true,
})
const stopQuery = announceQuery.replace('port=6881', 'port=0').replace('started', 'stopped')
const scrapeOf = (count: number): string => writeHttpScrape(Array.from({ length: count }, () => infoHash))
const WORDS = [
  ...'info_hash= peer_id= port= uploaded= downloaded= left= event= numwant= compact= no_peer_id= ip= key='.split(' '),
  ...'1.1.1.1 10.0.0.1 240.0.0.1 :: ::1 2a00::1 ff02::1 localhost'.split(' '),
  ...'started stopped completed paused 0 -1 65535 18446744073709551615 18446744073709551616 %a1 %00 %'.split(' '),
  '&',
  `info_hash=${'a'.repeat(20)}&`,
]

/** A refusal is told to the client: one line, of our words alone. */
function checkReason(reason: string): void {
  assert.match(reason, /^[a-zA-Z0-9_ ,]{5,80}$/, 'a reason is short and plain')
}

function checkAnnounce(input: Buffer): void {
  const text = input.toString('latin1')
  const parsed = parseHttpAnnounce(parseQuery(text))
  if (!parsed.ok) {
    checkReason(parsed.reason)
    return
  }
  const { value } = parsed
  assert.equal(value.infoHash.length, 20)
  const { peerId, downloaded, left, uploaded } = readReport(value.report)
  assert.deepEqual(makeReport(peerId, downloaded, left, uploaded), value.report)
  assert(value.port <= 65535 && (value.port > 0 || value.event === 3))
  const given = (pair: RegExp): number => text.split('&').filter((part) => pair.test(part)).length
  assert(given(/^info_hash=/) === 1 && given(/^port=/) === 1, 'what comes twice is refused')
  assert.equal(value.compact, given(/^compact=0$/) === 0)
  if (given(/^left=./) === 0) assert(!reportsSeeder(value.report), 'who does not say what is left is no seeder')
  // Of a number that is negative, that much counts; -0 is 0.
  value.numwant = value.numwant < 0 ? -1 : Math.abs(value.numwant)
  assert.deepEqual(parseHttpAnnounce(parseQuery(writeHttpAnnounce(value))), { ok: true, value })
}

function checkScrape(input: Buffer): void {
  const parsed = parseHttpScrape(parseQuery(input.toString('latin1')))
  if (!parsed.ok) {
    checkReason(parsed.reason)
    return
  }
  assert(parsed.value.length >= 1 && parsed.value.length <= HTTP_SCRAPE_INFO_HASHES_MAX)
  assert.deepEqual(parseHttpScrape(parseQuery(writeHttpScrape(parsed.value))), parsed)
}

function checkQuery(input: Buffer): void {
  assert.deepEqual(decodeBytes(encodeBytes(input)), input)
  const text = input.toString('latin1')
  const decoded = decodeBytes(text)
  const isWellFormed = !/%(?![0-9a-f]{2})/i.test(text)
  const expected = text.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
  assert.equal(decoded?.toString('latin1'), isWellFormed ? expected : undefined)
  // What is no byte never passes for one.
  assert.equal(decodeBytes(`${text}\u0100`), undefined)
  const hash = infoHashFromHex(text)
  assert.equal(hash?.toString('hex'), /^[0-9a-f]{40}$/i.test(text) ? text.toLowerCase() : undefined)
  const query = parseQuery(text)
  for (const part of text.split('&')) {
    const [name, ...rest] = part.split('=')
    if (name && rest.length > 0) assert(query.all(name).includes(rest.join('=')), 'each value is found under its name')
  }
}

const IPV4 = toEndpoint('192.0.2.1', 50000) as Endpoint
const IPV6 = toEndpoint('2001:db8::1', 50000) as Endpoint

/** The first byte says what is asked, from where; then come what the store answers, and the query. */
async function checkReply(input: Buffer): Promise<void> {
  const reader = makeReader(input)
  const flags = reader.u8()
  const { announcer, store, asked } = announcerFrom(reader)
  const query = reader.rest().toString('latin1')
  const source = [IPV4, IPV6, undefined][((flags & 0x7f) >> 1) % 3]
  const mayName = (flags & 0x80) !== 0
  const handlers = makeRequestHandlers({
    announcer,
    store,
    mayNameAddress: () => mayName,
    counters: makeCounters(),
  })
  const reply = await handlers[flags & 1 ? 'scrape' : 'announce'](parseQuery(query), source, '')
  for (const announce of asked) checkPlace(announce, source as Endpoint, mayName)
  const read = readStrictly(reply)
  assert(read instanceof Map, 'a reply is a dictionary')
  assert.doesNotThrow(() => bencode.decode(reply))
  const reason = read.get('failure reason')
  if (reason !== undefined) {
    assert.match(String(reason), /^[a-zA-Z0-9_ ,:()-]{5,90}$/)
    return
  }
  assert(source, 'nobody without an address is answered')
  if (flags & 1) checkFiles(query, read)
  else checkPeers(query, source, read)
}

function checkFiles(query: string, reply: Map<string, Bencoded>): void {
  const asked = parseHttpScrape(parseQuery(query))
  const files = reply.get('files')
  assert(asked.ok && files instanceof Map)
  assert.deepEqual(new Set(files.keys()), new Set(asked.value.map((each) => each.toString('latin1'))))
}

function checkPeers(query: string, source: Endpoint, reply: Map<string, Bencoded>): void {
  const asked = parseHttpAnnounce(parseQuery(query))
  assert(asked.ok)
  const { compact, noPeerId, numwant } = asked.value
  assert.equal(reply.get('external ip'), source.toString('latin1', 0, source.length - 2))
  const isV6 = source.length === 18
  const peers = reply.get(compact && isV6 ? 'peers6' : 'peers')
  assert.equal(typeof peers, compact ? 'string' : 'object')
  const list = peers as string | Bencoded[]
  const count = list.length / (compact ? source.length : 1)
  assert(Number.isInteger(count), 'peers are whole')
  assert(count <= (numwant < 0 ? POLICY.numwantDefault : Math.min(numwant, POLICY.numwantMax)))
  if (typeof list === 'string') return
  for (const peer of list) {
    assert(peer instanceof Map)
    assert(toEndpoint(String(peer.get('ip')), Number(peer.get('port'))), 'a peer has an address and a port')
    assert.equal(typeof peer.get('peer id'), noPeerId ? 'undefined' : 'string')
  }
}

const replyInput = (flags: number, query: string, store = '\xff'): Buffer =>
  Buffer.concat([
    Buffer.from([flags]),
    latin1(`${store}\x00\x00\x00\x05`.padEnd(13, '\x01')),
    latin1('\x00\x40\x00\x03\x80\x00'),
    latin1(query),
  ])

/** What an HTTP tracker is asked, and what it answers. */
export const httpTargets: readonly Target[] = [
  {
    name: 'http-announce',
    holds: 'what is read of an announce, written and read again, is the same; a refusal is a short plain line',
    inputBytesMax: QUERY_BYTES_MAX,
    seeds: [latin1(announceQuery), latin1(`${announceQuery}&compact=1&info_hash=%zz`), latin1(stopQuery)],
    words: WORDS,
    check: checkAnnounce,
  },
  {
    name: 'http-scrape',
    holds: 'what is read of a scrape, written and read again, is the same; at most 100 info hashes',
    inputBytesMax: QUERY_BYTES_MAX,
    seeds: [latin1(scrapeOf(1)), latin1(scrapeOf(HTTP_SCRAPE_INFO_HASHES_MAX)), latin1('info_hash=a&'.repeat(101))],
    words: WORDS,
    check: checkScrape,
  },
  {
    name: 'http-query',
    holds: 'bytes come through escaping and unescaping; every value is found under its name',
    inputBytesMax: QUERY_BYTES_MAX,
    seeds: [latin1('a=%41&b=%4a%FF&a==&&=c&d'), latin1('0123456789abcdefABCDEF'.padEnd(40, '0'))],
    words: ['%', '%0', '%0a', '=', '&', '__proto__='],
    check: checkQuery,
  },
  {
    name: 'http-reply',
    holds:
      'every reply is bencoding with sorted keys, its peers whole and no more than are wanted; nobody is stored where they may not be',
    inputBytesMax: QUERY_BYTES_MAX,
    seeds: [0, 1, 2, 3, 4].flatMap((flags) => [
      replyInput(flags, flags & 1 ? scrapeOf(2) : announceQuery),
      replyInput(flags, flags & 1 ? scrapeOf(2) : announceQuery.replace('compact=0', 'compact=1')),
      replyInput(flags, flags & 1 ? scrapeOf(1) : announceQuery.replace('no_peer_id=1', ''), '\x02'),
      replyInput(0x80 | flags, `${announceQuery}&ip=${flags & 2 ? '2001:db8::2' : '198.51.100.7'}`),
    ]),
    words: WORDS,
    check: checkReply,
  },
]
