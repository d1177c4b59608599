import bencode from 'bencode'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Endpoint, endpointFrom, toEndpoint } from '../../lib/wire/endpoint.ts'
import {
  type HttpAnnounceReply,
  writeCompactAnnounceReply,
  writeDictionaryAnnounceReply,
  writeFailure,
  writeHttpScrapeReply,
} from '../../lib/wire/http-reply.ts'
import type { InfoHash } from '../../lib/wire/info-hash.ts'
import { type Bencoded, readStrictly } from '../support/bencoding.ts'

const bytesArb = (minLength: number, maxLength = minLength): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength, maxLength, size: 'max' }).map((bytes) => Buffer.from(bytes))
const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')
const at = (address: string, port: number): Endpoint => toEndpoint(address, port) as Endpoint
const peersOf = (...parts: (Endpoint | string)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))

const replyOf = (changes: Partial<HttpAnnounceReply> = {}): HttpAnnounceReply => ({
  seeders: 2,
  leechers: 3,
  completed: 5,
  intervalS: 1800,
  minIntervalS: 900,
  peers: peersOf(at('192.0.2.1', 6881)),
  withPeerIds: false,
  client: at('198.51.100.7', 50000),
  ...changes,
})

const readDictionary = (bytes: Uint8Array): Map<string, Bencoded> => readStrictly(bytes) as Map<string, Bencoded>

describe('a compact announce reply', () => {
  it('is as BEP 23 and BEP 24 have it', () => {
    expect(latin1(writeCompactAnnounceReply(replyOf()))).toBe(
      'd8:completei2e10:downloadedi5e11:external ip4:\xc6\x33\x64\x0710:incompletei3e' +
        '8:intervali1800e12:min intervali900e5:peers6:\xc0\x00\x02\x01\x1a\xe1e',
    )
  })

  it('has IPv6 peers in peers6, as BEP 7 has it', () => {
    const reply = replyOf({ client: at('2001:db8::7', 50000), peers: peersOf(at('2001:db8::1', 6881)) })
    expect(latin1(writeCompactAnnounceReply(reply))).toBe(
      `d8:completei2e10:downloadedi5e11:external ip16:\x20\x01\x0d\xb8${'\0'.repeat(11)}\x0710:incompletei3e` +
        '8:intervali1800e12:min intervali900e5:peers0:' +
        `6:peers618:\x20\x01\x0d\xb8${'\0'.repeat(11)}\x01\x1a\xe1e`,
    )
  })

  it.each([writeCompactAnnounceReply, writeDictionaryAnnounceReply])(
    'ends in a warning where there is one: %o',
    (write) => {
      for (const client of ['192.0.2.7', '2001:db8::7'])
        expect(latin1(write(replyOf({ client: at(client, 1), peers: peersOf(), warning: 'too often' })))).toMatch(
          /5:peers(0:|le)(6:peers60:)?15:warning message9:too oftene$/,
        )
    },
  )

  it('reads the same by another decoder, whatever is in it', () => {
    const countArb = fc.nat(0xffff_ffff)
    const replyArb = fc.constantFrom(6, 18).chain((width) =>
      fc.record({
        seeders: countArb,
        leechers: countArb,
        completed: countArb,
        intervalS: countArb,
        minIntervalS: countArb,
        peers: fc.nat(242).chain((count) => bytesArb(count * width)),
        withPeerIds: fc.constant(false),
        client: bytesArb(width).map((bytes) => endpointFrom(bytes) as Endpoint),
      }),
    )
    fc.assert(
      fc.property(replyArb, (reply) => {
        const bytes = writeCompactAnnounceReply(reply)
        const isIpv6 = reply.client.length === 18
        const own = reply.client.subarray(0, isIpv6 ? 16 : 4)
        const expected = {
          complete: reply.seeders,
          downloaded: reply.completed,
          'external ip': latin1(own),
          incomplete: reply.leechers,
          interval: reply.intervalS,
          'min interval': reply.minIntervalS,
          ...(isIpv6 ? { peers: '', peers6: latin1(reply.peers) } : { peers: latin1(reply.peers) }),
        }
        expect(Object.fromEntries(readDictionary(bytes))).toEqual(expected)
        const decoded = bencode.decode(bytes) as Record<string, number | Uint8Array>
        const values = Object.entries(decoded).map(([key, value]) => [
          key,
          typeof value === 'number' ? value : latin1(value),
        ])
        expect(Object.fromEntries(values)).toEqual(expected)
      }),
    )
  })
})

describe('an announce reply with a list of peers', () => {
  it('is as BEP 3 has it, with peer ids', () => {
    const peers = peersOf(at('192.0.2.1', 6881), 'A'.repeat(20), at('192.0.2.2', 6882), 'B'.repeat(20))
    expect(latin1(writeDictionaryAnnounceReply(replyOf({ withPeerIds: true, peers })))).toBe(
      'd8:completei2e10:downloadedi5e11:external ip4:\xc6\x33\x64\x0710:incompletei3e' +
        '8:intervali1800e12:min intervali900e5:peersl' +
        `d2:ip9:192.0.2.17:peer id20:${'A'.repeat(20)}4:porti6881ee` +
        `d2:ip9:192.0.2.27:peer id20:${'B'.repeat(20)}4:porti6882ee` +
        'ee',
    )
  })

  it('leaves peer ids out where there are none', () => {
    const peers = peersOf(at('192.0.2.1', 6881), at('192.0.2.2', 6882))
    expect(latin1(writeDictionaryAnnounceReply(replyOf({ peers })))).toMatch(
      /5:peersld2:ip9:192.0.2.14:porti6881eed2:ip9:192.0.2.24:porti6882eeee$/,
    )
  })

  it('has IPv6 addresses as text', () => {
    const client = at('2001:db8::7', 50000)
    const peers = peersOf(at('2001:db8::1', 6881), at('2001:db8::2', 6882))
    const dictionary = readDictionary(writeDictionaryAnnounceReply(replyOf({ client, peers })))
    expect(dictionary.get('external ip')).toBe(latin1(client.subarray(0, 16)))
    const ips = (dictionary.get('peers') as Map<string, Bencoded>[]).map((peer) => peer.get('ip'))
    expect(ips).toEqual(['2001:db8::1', '2001:db8::2'])
  })

  it('keeps every byte of a peer id, and sorted keys', () => {
    fc.assert(
      fc.property(bytesArb(20), (peerId) => {
        const peers = Buffer.concat([at('192.0.2.1', 6881), peerId])
        const dictionary = readDictionary(writeDictionaryAnnounceReply(replyOf({ withPeerIds: true, peers })))
        const [peer] = dictionary.get('peers') as [Map<string, Bencoded>]
        expect(peer.get('peer id')).toBe(latin1(peerId))
      }),
    )
  })

  it('has an empty list where there are no peers', () => {
    const reply = replyOf({ withPeerIds: true, peers: Buffer.alloc(0) })
    expect(readDictionary(writeDictionaryAnnounceReply(reply)).get('peers')).toEqual([])
  })
})

describe('a failure', () => {
  it.each([
    ['alone', undefined, 'd14:failure reason4:oopse'],
    ['with minutes to wait (BEP 31)', 2, 'd14:failure reason4:oops8:retry ini2ee'],
  ])('is as BEP 3 has it, %s', (_, retryIn, bytes) => {
    expect(latin1(writeFailure('oops', retryIn))).toBe(bytes)
  })

  it('counts the bytes of its reason, not the characters', () => {
    expect(readDictionary(writeFailure('zu früh')).get('failure reason')).toBe(latin1(Buffer.from('zu früh')))
  })
})

describe('an HTTP scrape reply', () => {
  const hash = (fill: number | string) => Buffer.alloc(20, fill) as InfoHash
  const counts = (seeders: number) => ({ seeders, completed: 50, leechers: 10 })

  it('is as BEP 48 has it', () => {
    expect(latin1(writeHttpScrapeReply([hash('.')], [counts(5)]))).toBe(
      'd5:filesd20:....................d8:completei5e10:downloadedi50e10:incompletei10eeee',
    )
  })

  it('has an empty dictionary where nothing was asked or answered', () => {
    expect(latin1(writeHttpScrapeReply([], []))).toBe('d5:filesdee')
    expect(latin1(writeHttpScrapeReply([hash('.')], []))).toBe('d5:filesdee')
  })

  it('has each swarm once, under the bytes of its info hash, sorted by them', () => {
    const hashArb = fc.oneof(bytesArb(20), fc.integer({ min: 0x7e, max: 0x81 }).map(hash)) as fc.Arbitrary<InfoHash>
    fc.assert(
      fc.property(fc.array(hashArb, { maxLength: 40 }), (infoHashes) => {
        const texts = infoHashes.map(latin1)
        // A swarm that was asked for twice is answered with the same counts at both places.
        const reply = writeHttpScrapeReply(
          infoHashes,
          texts.map((text) => counts(texts.indexOf(text))),
        )
        const files = readDictionary(reply).get('files') as Map<string, Bencoded>
        expect([...files.keys()]).toEqual([...new Set(texts)].sort())
        for (const [text, file] of files) {
          const expected = { complete: texts.indexOf(text), downloaded: 50, incomplete: 10 }
          expect(Object.fromEntries(file as Map<string, Bencoded>)).toEqual(expected)
        }
      }),
    )
  })
})
