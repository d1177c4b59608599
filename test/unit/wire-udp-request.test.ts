import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EVENT, type Event, makeReport, readReport, reportsSeeder } from '../../lib/wire/announce.ts'
import { type InfoHash, infoHashFromHex } from '../../lib/wire/info-hash.ts'
import {
  ACTION,
  parseUdpRequest,
  type UdpAnnounceRequest,
  type UdpRequest,
  type UdpScrapeRequest,
  writeAnnounceRequest,
  writeConnectRequest,
  writeScrapeRequest,
} from '../../lib/wire/udp-request.ts'

const hex = (...parts: string[]): Buffer => Buffer.from(parts.join(''), 'hex')
const bytesArb = (length: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => Buffer.from(bytes))
const u32Arb = fc.oneof(fc.nat(0xffff_ffff), fc.constantFrom(0, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff))
const u64Arb = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn })
const reportArb = fc.tuple(bytesArb(20), u64Arb, u64Arb, u64Arb).map((parts) => makeReport(...parts))
const urlDataArb = fc.string({
  unit: fc.nat(255).map((code) => String.fromCharCode(code)),
  maxLength: 700,
  size: 'max',
})
const announceArb: fc.Arbitrary<Omit<UdpAnnounceRequest, 'action'>> = fc.record({
  connectionId: bytesArb(8),
  transactionId: u32Arb,
  infoHash: bytesArb(20) as fc.Arbitrary<InfoHash>,
  report: reportArb,
  event: fc.constantFrom<Event>(...Object.values(EVENT)),
  ip: fc.oneof(fc.constant(0), u32Arb),
  key: u32Arb,
  numwant: fc.oneof(fc.integer(), fc.constantFrom(-1, -5, 0, 50)),
  port: fc.nat(65535),
  urlData: urlDataArb,
})

function read(datagram: Buffer): UdpRequest {
  const parsed = parseUdpRequest(datagram)
  if (!parsed.ok) throw new Error(parsed.reason)
  return parsed.value
}
const readAnnounce = (datagram: Buffer) => read(datagram) as UdpAnnounceRequest
const readScrape = (datagram: Buffer) => read(datagram) as UdpScrapeRequest

const HEAD = { connectionId: hex('0102030405060708'), transactionId: 0x89abcdef }
// A started leecher, field by field as BEP 15 has them.
const ANNOUNCE = [
  '0102030405060708', // connection_id
  '00000001', // action
  '89abcdef', // transaction_id
  'a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3', // info_hash
  '2d5253303030312d6162636465666768696a6b6c', // peer_id, -RS0001-abcdefghijkl
  '0000000000000010', // downloaded
  '0000000000000200', // left
  '0000000000003000', // uploaded
  '00000002', // event
  '00000000', // IP address
  'fadedbee', // key
  'ffffffff', // num_want
  '1ae1', // port
]
const withField = (field: number, value: string): Buffer => hex(...ANNOUNCE.with(field, value))

describe('a UDP connect request', () => {
  it('is the 16 bytes of BEP 15', () => {
    const datagram = hex('0000041727101980', '00000000', '89abcdef')
    expect(writeConnectRequest(0x89abcdef)).toEqual(datagram)
    expect(read(datagram)).toEqual({ action: ACTION.connect, transactionId: 0x89abcdef })
    expect(read(writeConnectRequest(0xffff_ffff))).toEqual({ action: ACTION.connect, transactionId: 0xffff_ffff })
  })

  it('may have bytes after it', () => {
    const datagram = Buffer.concat([writeConnectRequest(7), Buffer.alloc(10, 0xee)])
    expect(read(datagram)).toEqual({ action: ACTION.connect, transactionId: 7 })
  })

  it('gets silence with any bit of the protocol id wrong', () => {
    for (let bit = 0; bit < 64; bit++) {
      const datagram = writeConnectRequest(7)
      datagram[bit >> 3] = (datagram[bit >> 3] as number) ^ (1 << (bit & 7))
      expect(parseUdpRequest(datagram)).toMatchObject({ ok: false })
    }
  })

  it('gets silence where it is short, empty, or zeros', () => {
    for (const datagram of [writeConnectRequest(7).subarray(0, 15), Buffer.alloc(0), Buffer.alloc(1496)]) {
      expect(parseUdpRequest(datagram)).toMatchObject({ ok: false })
    }
  })
})

describe('a UDP announce', () => {
  const fields: Omit<UdpAnnounceRequest, 'action'> = {
    ...HEAD,
    infoHash: infoHashFromHex('a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3') as InfoHash,
    report: makeReport(Buffer.from('-RS0001-abcdefghijkl'), 0x10n, 0x200n, 0x3000n),
    event: EVENT.started,
    ip: 0,
    key: 0xfadedbee,
    numwant: -1,
    port: 6881,
    urlData: '',
  }

  it('is the 98 bytes of BEP 15', () => {
    expect(writeAnnounceRequest(fields)).toEqual(hex(...ANNOUNCE))
    expect(read(hex(...ANNOUNCE))).toEqual({ action: ACTION.announce, ...fields })
  })

  it('carries URL data in an option of BEP 41', () => {
    const datagram = hex(...ANNOUNCE, '0205', Buffer.from('/path').toString('hex'))
    expect(writeAnnounceRequest({ ...fields, urlData: '/path' })).toEqual(datagram)
    expect(readAnnounce(datagram).urlData).toBe('/path')
  })

  it('comes through writing and reading as it was', () => {
    fc.assert(
      fc.property(announceArb, (request) => {
        expect(read(writeAnnounceRequest(request))).toEqual({ action: ACTION.announce, ...request })
      }),
    )
  })

  it('gets silence with 97 bytes', () => {
    expect(parseUdpRequest(hex(...ANNOUNCE).subarray(0, 97))).toMatchObject({ ok: false })
  })

  it('is read with any bytes after the 98', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 1000, size: 'max' }), (stray) => {
        const request = readAnnounce(Buffer.concat([hex(...ANNOUNCE), stray]))
        expect({ ...request, urlData: '' }).toEqual({ action: ACTION.announce, ...fields })
      }),
    )
  })

  it.each([
    ['none', '00000000', EVENT.none],
    ['completed', '00000001', EVENT.completed],
    ['started', '00000002', EVENT.started],
    ['stopped', '00000003', EVENT.stopped],
    ['paused (BEP 21) as none', '00000004', EVENT.none],
    ['77 as none', '0000004d', EVENT.none],
    ['4294967295 as none', 'ffffffff', EVENT.none],
  ])('reads event %s', (_, field, event) => {
    expect(readAnnounce(withField(8, field)).event).toBe(event)
  })

  it.each([
    ['ffffffff', -1],
    ['fffffffb', -5],
    ['00000000', 0],
    ['000003e8', 1000],
  ])('reads numwant %s as signed: %i', (field, numwant) => {
    expect(readAnnounce(withField(11, field)).numwant).toBe(numwant)
  })

  it('names an address in the four bytes for it, and nothing else changes', () => {
    const named = readAnnounce(withField(9, 'c0000201'))
    expect(named).toEqual({ ...readAnnounce(hex(...ANNOUNCE)), ip: 0xc000_0201 })
    expect(writeAnnounceRequest(named)).toEqual(withField(9, 'c0000201'))
  })

  it.each([
    ['0000000000000000', true],
    ['0000000000000001', false],
    ['0000000001000000', false],
    ['0000000100000000', false],
    ['0100000000000000', false],
    ['ffffffffffffffff', false],
  ])('with left %s comes from a seeder: %s', (left, isSeeder) => {
    expect(reportsSeeder(readAnnounce(withField(6, left)).report)).toBe(isSeeder)
  })

  it('reports what its parts say', () => {
    expect(readReport(readAnnounce(hex(...ANNOUNCE)).report)).toEqual({
      peerId: Buffer.from('-RS0001-abcdefghijkl'),
      downloaded: 0x10n,
      left: 0x200n,
      uploaded: 0x3000n,
    })
  })
})

describe('a UDP scrape', () => {
  const hashes = (count: number): InfoHash[] => Array.from({ length: count }, (_, i) => Buffer.alloc(20, i) as InfoHash)

  it('is 16 bytes and 20 for each info hash, as in BEP 15', () => {
    const datagram = hex('0102030405060708', '00000002', '89abcdef', 'a1'.repeat(20), 'b2'.repeat(20))
    const infoHashes = [Buffer.alloc(20, 0xa1), Buffer.alloc(20, 0xb2)] as InfoHash[]
    expect(writeScrapeRequest({ ...HEAD, infoHashes })).toEqual(datagram)
    expect(read(datagram)).toEqual({ action: ACTION.scrape, ...HEAD, infoHashes })
  })

  it('comes through writing and reading as it was, with 1 to 74 info hashes', () => {
    const hashArb = bytesArb(20) as fc.Arbitrary<InfoHash>
    const hashesArb = fc.array(hashArb, { minLength: 1, maxLength: 74, size: 'max' })
    fc.assert(
      fc.property(bytesArb(8), u32Arb, hashesArb, (connectionId, transactionId, infoHashes) => {
        const request = { connectionId, transactionId, infoHashes }
        expect(read(writeScrapeRequest(request))).toEqual({ action: ACTION.scrape, ...request })
      }),
    )
  })

  it('of 75 info hashes is one of the first 74', () => {
    expect(readScrape(writeScrapeRequest({ ...HEAD, infoHashes: hashes(75) })).infoHashes).toEqual(hashes(74))
  })

  it('keeps an info hash at each place where it stands', () => {
    const [a, b] = hashes(2) as [InfoHash, InfoHash]
    expect(readScrape(writeScrapeRequest({ ...HEAD, infoHashes: [b, a, b, b] })).infoHashes).toEqual([b, a, b, b])
  })

  it.each([1, 7, 19])('passes over %i bytes that make no whole info hash', (stray) => {
    const datagram = Buffer.concat([writeScrapeRequest({ ...HEAD, infoHashes: hashes(2) }), Buffer.alloc(stray, 9)])
    expect(readScrape(datagram).infoHashes).toEqual(hashes(2))
  })

  it.each([16, 17, 35])('of %i bytes, without an info hash, may be told so', (length) => {
    const datagram = writeScrapeRequest({ ...HEAD, infoHashes: hashes(1) }).subarray(0, length)
    expect(read(datagram)).toEqual({ action: ACTION.error, ...HEAD, reason: 'scrape without an info hash' })
  })
})

describe('any other datagram', () => {
  it.each([3, 4, 9, 0xffff_ffff])('with action %i may be told that it is unknown', (action) => {
    const datagram = hex('0102030405060708', '00000000', '89abcdef')
    datagram.writeUInt32BE(action, 8)
    expect(read(datagram)).toEqual({ action: ACTION.error, ...HEAD, reason: 'unknown action' })
  })

  it('never makes the reader throw, and is read only where it has a head', () => {
    const headArb = fc.tuple(fc.constantFrom(0x417, 0), fc.constantFrom(0x27101980, 1), fc.nat(4)).map((words) => {
      const head = Buffer.alloc(12)
      for (const [i, word] of words.entries()) head.writeUInt32BE(word, 4 * i)
      return head
    })
    const restArb = fc.uint8Array({ maxLength: 2036, size: 'max' })
    const datagramArb = fc.oneof(restArb, fc.tuple(headArb, restArb).map(Buffer.concat))
    fc.assert(
      fc.property(datagramArb, (bytes) => {
        const parsed = parseUdpRequest(Buffer.from(bytes))
        if (bytes.length < 16) expect(parsed.ok).toBe(false)
      }),
      { numRuns: 1000 },
    )
  })
})
