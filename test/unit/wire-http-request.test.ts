import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EVENT, type Event, makeReport, readReport, reportsSeeder } from '../../lib/wire/announce.ts'
import {
  HTTP_SCRAPE_INFO_HASHES_MAX,
  type HttpAnnounceRequest,
  parseHttpAnnounce,
  parseHttpIp,
  parseHttpScrape,
  writeHttpAnnounce,
  writeHttpScrape,
} from '../../lib/wire/http-request.ts'
import type { InfoHash } from '../../lib/wire/info-hash.ts'
import { parseQuery } from '../../lib/wire/query.ts'

const U64_MAX = 0xffff_ffff_ffff_ffffn
const bytesArb = (length: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => Buffer.from(bytes))
const hashArb = bytesArb(20) as fc.Arbitrary<InfoHash>
const u64Arb = fc.oneof(fc.bigInt({ min: 0n, max: U64_MAX }), fc.constantFrom(0n, U64_MAX))

/** A leecher's announce as its parameters; a change of undefined leaves one out. */
const PARAMETERS = {
  info_hash: '%a0%A1%a2%a3%a4%a5%a6%a7%a8%a9%aa%ab%ac%ad%ae%afQ123',
  peer_id: '-RS0001-abcdefghijkl',
  port: '6881',
  uploaded: '3000',
  downloaded: '10',
  left: '200',
}
type Changes = Record<string, string | undefined>
const queryWith = (changes: Changes = {}): string =>
  Object.entries({ ...PARAMETERS, ...changes })
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]))
    .join('&')

function announce(changes: Changes = {}): HttpAnnounceRequest {
  const parsed = parseHttpAnnounce(parseQuery(queryWith(changes)))
  if (!parsed.ok) throw new Error(parsed.reason)
  return parsed.value
}
const refusalOf = (query: string): unknown => parseHttpAnnounce(parseQuery(query))

describe('an HTTP announce', () => {
  it('is read as BEP 3 has it', () => {
    expect(announce()).toEqual({
      infoHash: Buffer.from('a0a1a2a3a4a5a6a7a8a9aaabacadaeaf51313233', 'hex'),
      report: makeReport(Buffer.from('-RS0001-abcdefghijkl'), 10n, 200n, 3000n),
      event: EVENT.none,
      numwant: -1,
      port: 6881,
      compact: true,
      noPeerId: false,
    })
  })

  it('is written as BEP 3 and BEP 23 have it', () => {
    expect(writeHttpAnnounce(announce({ event: 'started', numwant: '30', no_peer_id: '1' }))).toBe(
      'info_hash=%a0%a1%a2%a3%a4%a5%a6%a7%a8%a9%aa%ab%ac%ad%ae%afQ123&peer_id=-RS0001-abcdefghijkl&port=6881' +
        '&uploaded=3000&downloaded=10&left=200&compact=1&event=started&numwant=30&no_peer_id=1',
    )
  })

  it('comes through writing and reading as it was', () => {
    const requestArb: fc.Arbitrary<HttpAnnounceRequest> = fc.record({
      infoHash: hashArb,
      report: fc.tuple(bytesArb(20), u64Arb, u64Arb, u64Arb).map((parts) => makeReport(...parts)),
      event: fc.constantFrom<Event>(...Object.values(EVENT)),
      numwant: fc.oneof(fc.constantFrom(-1, 0), fc.nat()),
      port: fc.integer({ min: 1, max: 65535 }),
      compact: fc.boolean(),
      noPeerId: fc.boolean(),
    })
    fc.assert(
      fc.property(requestArb, (request) => {
        expect(parseHttpAnnounce(parseQuery(writeHttpAnnounce(request)))).toEqual({ ok: true, value: request })
      }),
    )
  })

  it('has the same info hash escaped in either case or not at all, with zero bytes and + as they are', () => {
    const upper = announce({ info_hash: '%51'.repeat(20) })
    expect(announce({ info_hash: 'Q'.repeat(20) })).toEqual(upper)
    expect(announce({ info_hash: '%AB'.repeat(20) })).toEqual(announce({ info_hash: '%ab'.repeat(20) }))
    expect(announce({ info_hash: '\xab'.repeat(20) })).toEqual(announce({ info_hash: '%ab'.repeat(20) }))
    expect(
      announce({ info_hash: `%00+${'x'.repeat(18)}` })
        .infoHash.subarray(0, 2)
        .toString('hex'),
    ).toBe('002b')
  })

  it.each([
    ['no info_hash', { info_hash: undefined }, 'info_hash is missing'],
    ['an info_hash of 19 bytes', { info_hash: 'x'.repeat(19) }, 'info_hash must be 20 bytes'],
    ['an info_hash of 21 bytes', { info_hash: 'x'.repeat(21) }, 'info_hash must be 20 bytes'],
    ['an info_hash of 40 hex digits', { info_hash: 'ab'.repeat(20) }, 'info_hash must be 20 bytes'],
    ['an empty info_hash', { info_hash: '' }, 'info_hash must be 20 bytes'],
    ['an info_hash with %zz', { info_hash: `%zz${'x'.repeat(19)}` }, 'info_hash has a malformed escape'],
    ['an info_hash with a cut escape', { info_hash: `${'x'.repeat(19)}%4` }, 'info_hash has a malformed escape'],
    ['no peer_id', { peer_id: undefined }, 'peer_id is missing'],
    ['a peer_id of 19 bytes', { peer_id: 'x'.repeat(19) }, 'peer_id must be 20 bytes'],
    ['a peer_id of 21 bytes', { peer_id: 'x'.repeat(21) }, 'peer_id must be 20 bytes'],
    ['a peer_id with a cut escape', { peer_id: `${'x'.repeat(19)}%` }, 'peer_id has a malformed escape'],
    ['no port', { port: undefined }, 'port is missing'],
    ...['0', '-1', '1.1', 'a', '65536', '', '100000', ' 1', '0x1'].map((port) => [
      `port=${port}`,
      { port },
      'port must be 1 to 65535',
    ]),
    ...['uploaded', 'downloaded', 'left'].flatMap((name) => [
      ...['-1', 'abc', '1.5', '1e3', ' 1', '123456789012345678901'].map((value) => [
        `${name}=${value}`,
        { [name]: value },
        `${name} must be a number of bytes`,
      ]),
      [`${name} past 64 bits`, { [name]: `${U64_MAX + 1n}` }, `${name} is too large`],
    ]),
    ...['a', '1.5', '--1', '+1', '1'.repeat(21)].map((numwant) => [
      `numwant=${numwant}`,
      { numwant },
      'numwant must be a number',
    ]),
  ] as [string, Changes, string][])('is refused with %s, by name', (_, changes, reason) => {
    expect(refusalOf(queryWith(changes))).toEqual({ ok: false, reason })
  })

  it.each(['info_hash', 'peer_id'] as const)('is refused with %s twice, even where both are the same', (name) => {
    const query = `${queryWith()}&${name}=${PARAMETERS[name]}`
    expect(refusalOf(query)).toEqual({ ok: false, reason: `${name} is given more than once` })
  })

  it('is refused without any parameter', () => {
    expect(refusalOf('')).toEqual({ ok: false, reason: 'info_hash is missing' })
  })

  it.each([
    ['0', true],
    ['00', true],
    ['1', false],
    ['4294967296', false],
    [`${U64_MAX}`, false],
    ['', false],
    [undefined, false],
  ])('with left=%s comes from a seeder: %s', (left, isSeeder) => {
    expect(reportsSeeder(announce({ left }).report)).toBe(isSeeder)
  })

  it('without amounts reports nothing moved and an unknown amount left', () => {
    const { report } = announce({ uploaded: undefined, downloaded: '', left: undefined })
    expect(readReport(report)).toMatchObject({ uploaded: 0n, downloaded: 0n, left: U64_MAX })
  })

  it.each([
    ['started', EVENT.started],
    ['stopped', EVENT.stopped],
    ['completed', EVENT.completed],
    ['', EVENT.none],
    ['empty', EVENT.none],
    ['paused', EVENT.none],
    ['Started', EVENT.none],
    ['toString', EVENT.none],
  ])('reads event %j as %i', (event, number) => {
    expect(announce({ event }).event).toBe(number)
  })

  it('may have port 0 only where the peer stops', () => {
    expect(announce({ port: '0', event: 'stopped' }).port).toBe(0)
    expect([announce({ port: '1' }).port, announce({ port: '65535' }).port]).toEqual([1, 65535])
    expect(refusalOf(queryWith({ port: '0', event: 'completed' }))).toMatchObject({ ok: false })
  })

  it.each([
    ['0', 0],
    ['50', 50],
    ['4294967295', 4294967295],
    [`${U64_MAX}`, Number(U64_MAX)],
    ['-5', -5],
    [undefined, -1],
    ['', -1],
  ])('reads numwant=%s as %i', (numwant, number) => {
    expect(announce({ numwant }).numwant).toBe(number)
  })

  it.each([
    ['1', true],
    ['0', false],
    [undefined, true],
    ['2', true],
    ['', true],
  ])('with compact=%s wants peers in wire form: %s', (compact, isCompact) => {
    expect(announce({ compact }).compact).toBe(isCompact)
  })

  it.each([
    ['1', true],
    ['0', false],
    [undefined, false],
  ])('with no_peer_id=%s can do without peer ids: %s', (no_peer_id, noPeerId) => {
    expect(announce({ no_peer_id }).noPeerId).toBe(noPeerId)
  })

  it('passes over an address that the client gives, and what it does not know', () => {
    expect(announce({ ip: '1.2.3.4', ipv6: '::1', key: 'x', trackerid: '%zz' })).toEqual(announce())
  })
})

describe('the address that an HTTP announce names', () => {
  const namedBy = (query: string) => parseHttpIp(parseQuery(query), 6881)

  it.each([
    ['192.0.2.1', 'c00002011ae1'],
    ['192%2e0.2.%31', 'c00002011ae1'],
    ['2001:db8::1', '20010db80000000000000000000000011ae1'],
    ['2001%3Adb8%3A%3A1', '20010db80000000000000000000000011ae1'],
    ['::ffff:192.0.2.1', 'c00002011ae1'],
  ])('ip=%s is read as bytes', (ip, bytes) => {
    expect(namedBy(queryWith({ ip }))).toEqual({ ok: true, value: Buffer.from(bytes, 'hex') })
  })

  it('is none where ip is missing or empty, whatever ipv4 and ipv6 say', () => {
    for (const changes of [{}, { ip: '' }, { ipv4: '192.0.2.1', ipv6: '2001:db8::1' }])
      expect(namedBy(queryWith(changes))).toEqual({ ok: true, value: undefined })
  })

  it.each(['seedbox.example', 'localhost', '192.0.2.1:6881', '[2001:db8::1]', '192.0.2', '3221225985', '%zz', '%00'])(
    'is refused where it is no IP address: ip=%s',
    (ip) => expect(namedBy(queryWith({ ip }))).toEqual({ ok: false, reason: 'ip must be an IP address' }),
  )

  it('is refused where it is given twice', () => {
    expect(namedBy(`ip=192.0.2.1&${queryWith({ ip: '192.0.2.1' })}`)).toEqual({
      ok: false,
      reason: 'ip is given more than once',
    })
  })
})

describe('an HTTP scrape', () => {
  it('comes through writing and reading as it was, in order, duplicates and all', () => {
    const hashesArb = fc.array(hashArb, { minLength: 1, maxLength: HTTP_SCRAPE_INFO_HASHES_MAX / 2, size: 'max' })
    fc.assert(
      fc.property(hashesArb, (hashes) => {
        const infoHashes = [...hashes, ...hashes]
        expect(parseHttpScrape(parseQuery(writeHttpScrape(infoHashes)))).toEqual({ ok: true, value: infoHashes })
      }),
    )
  })

  it.each([
    ['', 'info_hash is missing'],
    ['info_hash=', 'info_hash must be 20 bytes'],
    [`info_hash=${'x'.repeat(20)}&info_hash=${'x'.repeat(19)}`, 'info_hash must be 20 bytes'],
    [`info_hash=${'x'.repeat(20)}&info_hash=%4`, 'info_hash has a malformed escape'],
    [`info_hash=${'x'.repeat(20)}&`.repeat(101), 'more than 100 info_hash'],
  ])('is refused, by name: %.50s', (query, reason) => {
    expect(parseHttpScrape(parseQuery(query))).toEqual({ ok: false, reason })
  })

  it('of 100 info hashes is answered', () => {
    expect(parseHttpScrape(parseQuery(`info_hash=${'x'.repeat(20)}&`.repeat(100))).ok).toBe(true)
  })
})

describe('any text', () => {
  it('is read or refused, never thrown at', () => {
    const nameArb = fc.constantFrom(...Object.keys(PARAMETERS), 'numwant', 'event', 'compact', 'x')
    const valueArb = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('%', '%zz', 'x'.repeat(20), '-1', '99', ''),
    )
    const changedArb = fc.dictionary(nameArb, valueArb).map((changes) => queryWith(changes))
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), changedArb), (text) => {
        for (const parsed of [parseHttpAnnounce(parseQuery(text)), parseHttpScrape(parseQuery(text))]) {
          expect(parsed.ok || parsed.reason !== '').toBe(true)
        }
      }),
      { numRuns: 300 },
    )
  })
})
