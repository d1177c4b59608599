import { describe, expect, it } from 'vitest'
import { writeCompactAnnounceReply, writeFailure, writeHttpScrapeReply } from '../../lib/wire/http-reply.ts'
import { writeAnnounceReply, writeConnectReply, writeErrorReply, writeScrapeReply } from '../../lib/wire/udp-reply.ts'
import { type AskedByHttp, countHttpReply } from '../../services/load/http-checks.ts'
import { KIND, makeTally, type Tally } from '../../services/load/tally.ts'
import { type Asked, countUdpReply } from '../../services/load/udp-checks.ts'
import { at, hashOf } from '../support/store.ts'

const scraped = ['a', 'b'].map((name) => ({ infoHash: hashOf(name), isCounted: true }))
const asked: Asked & AskedByHttp = { kind: KIND.announce, isStopped: false, numwant: 2, scraped, endpointBytes: 6 }
const peers = (count: number): Buffer => Buffer.concat(Array.from({ length: count }, () => at('127.0.0.1')))
const announced = { intervalS: 1800, leechers: 1, seeders: 1, peers: peers(2) }
const counts = { seeders: 1, completed: 0, leechers: 0 }
const none = { ...counts, seeders: 0 }

const byUdp = (reply: Buffer, changes: Partial<Asked> = {}): Tally => {
  const tally = makeTally()
  countUdpReply(tally, reply, { ...asked, ...changes })
  return tally
}

const byHttp = (body: Buffer, changes: Partial<AskedByHttp> = {}, status = 200): Tally => {
  const tally = makeTally()
  countHttpReply(tally, status, body, { ...asked, ...changes })
  return tally
}

describe('answers by UDP', () => {
  it('are counted by their kind', () => {
    expect(byUdp(writeConnectReply(1, Buffer.alloc(8)), { kind: KIND.connect })).toMatchObject({
      connects: 1,
      wrong: 0,
    })
    expect(byUdp(writeAnnounceReply(1, announced))).toMatchObject({ announces: 1, wrong: 0, peersTold: 2, overlong: 0 })
    expect(byUdp(writeScrapeReply(1, [counts, counts]), { kind: KIND.scrape })).toMatchObject({ scrapes: 1, wrong: 0 })
    expect(byUdp(writeErrorReply(1, 'not\nlisted')).errorTexts).toEqual({ 'not\\u000alisted': 1 })
  })

  it('may have more peers than were asked for, and are counted as overlong', () => {
    expect(byUdp(writeAnnounceReply(1, { ...announced, peers: peers(3) }))).toMatchObject({ wrong: 0, overlong: 1 })
  })

  it('may leave the announcing peer out of the counts, and are counted as uncounted, but after a stop', () => {
    const reply = writeAnnounceReply(1, { ...announced, leechers: 0, seeders: 0, peers: peers(0) })
    expect(byUdp(reply, { isStopped: true })).toMatchObject({ announces: 1, wrong: 0, uncounted: 0 })
    expect(byUdp(reply)).toMatchObject({ announces: 1, wrong: 0, uncounted: 1 })
  })

  it('to a scrape may tell zeros of a torrent that a peer is in, and are counted as empty', () => {
    const reply = writeScrapeReply(1, [none, counts])
    expect(byUdp(reply, { kind: KIND.scrape })).toMatchObject({ scrapes: 1, wrong: 0, emptyScrapes: 1 })
    const [, second] = scraped as [unknown, (typeof scraped)[0]]
    const stopped = [{ isCounted: false }, second]
    expect(byUdp(reply, { kind: KIND.scrape, scraped: stopped })).toMatchObject({ scrapes: 1, emptyScrapes: 0 })
  })

  it.each<[string, Buffer, Partial<Asked>]>([
    ['another action than asked for', writeAnnounceReply(1, announced), { kind: KIND.scrape }],
    [
      'a connect reply that is not 16 bytes',
      writeConnectReply(1, Buffer.alloc(8)).subarray(0, 12),
      { kind: KIND.connect },
    ],
    ['an announce reply shorter than 20 bytes', writeAnnounceReply(1, announced).subarray(0, 19), {}],
    ['peers that do not fill whole endpoints', writeAnnounceReply(1, announced).subarray(0, 31), {}],
    ['peers that do not fill whole endpoints', writeAnnounceReply(1, announced), { endpointBytes: 18 }],
    ['interval 0', writeAnnounceReply(1, { ...announced, intervalS: 0 }), {}],
    ['a peer at port 0', writeAnnounceReply(1, { ...announced, peers: at('127.0.0.1', 0) }), {}],
    ['a peer at 0.0.0.0', writeAnnounceReply(1, { ...announced, peers: at('0.0.0.0') }), {}],
    ['a peer at ::', writeAnnounceReply(1, { ...announced, peers: at('::') }), { endpointBytes: 18 }],
    ['a scrape reply with more or fewer torrents than asked for', writeScrapeReply(1, [counts]), { kind: KIND.scrape }],
  ])('are wrong: %s', (what, reply, changes) => {
    expect(byUdp(reply, changes)).toMatchObject({ wrong: 1, wrongAnswers: { [what]: 1 }, announces: 0, scrapes: 0 })
  })

  it('are told apart by twenty texts at most', () => {
    const tally = makeTally()
    for (let i = 0; i < 100; i++) countUdpReply(tally, writeErrorReply(1, `error ${i}`), asked)
    expect(Object.keys(tally.errorTexts)).toHaveLength(20)
    expect(tally.errorTexts['other texts']).toBe(81)
  })
})

describe('answers by HTTP', () => {
  const httpReply = (changes: object = {}): Buffer =>
    writeCompactAnnounceReply({
      ...{ ...counts, intervalS: 1800, minIntervalS: 900, withPeerIds: false, client: at('127.0.0.1') },
      peers: peers(2),
      ...changes,
    })

  it('are counted by their kind', () => {
    expect(byHttp(httpReply())).toMatchObject({ announces: 1, wrong: 0, peersTold: 2, overlong: 0 })
    expect(byHttp(httpReply({ peers: peers(3) }))).toMatchObject({ announces: 1, wrong: 0, overlong: 1 })
    expect(byHttp(httpReply({ seeders: 0 }))).toMatchObject({ announces: 1, wrong: 0, uncounted: 1 })
    const ipv6 = httpReply({ client: at('::1'), peers: at('::1') })
    expect(byHttp(ipv6)).toMatchObject({ announces: 1, wrong: 0, peersTold: 1 })
    const scrape = writeHttpScrapeReply([hashOf('b'), hashOf('a')], [counts, none])
    expect(byHttp(scrape, { kind: KIND.scrape })).toMatchObject({ scrapes: 1, wrong: 0, emptyScrapes: 1 })
  })

  it('that fail are counted by their reason or status', () => {
    expect(byHttp(writeFailure('not listed', 5)).errorTexts).toEqual({ 'not listed': 1 })
    expect(byHttp(writeFailure('no scrapes'), { kind: KIND.scrape }).errorTexts).toEqual({ 'no scrapes': 1 })
    expect(byHttp(Buffer.alloc(0), {}, 503).errorTexts).toEqual({ 'HTTP 503': 1 })
  })

  it('that fail and are malformed are wrong alone', () => {
    for (const kind of [KIND.announce, KIND.scrape])
      expect(byHttp(Buffer.from('d14:failure reason3:no!'), { kind })).toMatchObject({ errors: 0, wrong: 1 })
    const more = Buffer.from('d14:failure reason2:no8:intervali9ee')
    expect(byHttp(more, { kind: KIND.scrape }).errorTexts).toEqual({ no: 1 })
  })

  it.each<[string, Buffer, Partial<AskedByHttp>]>([
    ['a body that is no bencoded dictionary', Buffer.from('hello'), {}],
    ['a body that is no bencoded dictionary', httpReply().subarray(0, -1), {}],
    ['a body that is no bencoded dictionary', Buffer.concat([httpReply(), Buffer.from('x')]), {}],
    ['peers that do not fill whole endpoints', httpReply({ peers: Buffer.alloc(7, 1) }), {}],
    ['peers that are not compact', Buffer.from('d8:intervali9e5:peersld2:ip9:127.0.0.1eee'), {}],
    ['a peer at port 0', httpReply({ peers: at('127.0.0.1', 0) }), {}],
    ['a peer at 0.0.0.0', httpReply({ peers: at('0.0.0.0') }), {}],
    ['no interval above 0', httpReply({ intervalS: 0 }), {}],
    ['no interval above 0', Buffer.from('d5:peers0:e'), {}],
    [
      'a scrape reply with more or fewer torrents than asked for',
      writeHttpScrapeReply([hashOf('a')], [counts]),
      { kind: KIND.scrape },
    ],
    ['a scrape reply without files', Buffer.from('de'), { kind: KIND.scrape }],
    [
      'a scrape reply with other torrents than asked for',
      writeHttpScrapeReply([hashOf('a'), hashOf('c')], [counts, counts]),
      { kind: KIND.scrape },
    ],
  ])('are wrong: %s', (what, body, changes) => {
    expect(byHttp(body, changes)).toMatchObject({ wrong: 1, wrongAnswers: { [what]: 1 }, announces: 0, scrapes: 0 })
  })
})
