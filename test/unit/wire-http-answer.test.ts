import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseHttpAnnounceAnswer, parseHttpScrapeAnswer } from '../../lib/wire/http-answer.ts'
import {
  writeCompactAnnounceReply,
  writeDictionaryAnnounceReply,
  writeFailure,
  writeHttpScrapeReply,
} from '../../lib/wire/http-reply.ts'
import { scrapePathOf } from '../../lib/wire/scrape-path.ts'
import { at, hashOf } from '../support/store.ts'

const PEER_ID = Buffer.from('-RS0001-abcdefghijkl')
const REPLY = {
  ...{ seeders: 3, leechers: 2, completed: 7, intervalS: 1800, minIntervalS: 900, client: at('192.0.2.9') },
  ...{ peers: Buffer.concat([at('192.0.2.1', 1), at('192.0.2.2', 65535)]), withPeerIds: false },
}
const COUNTS = { seeders: 3, leechers: 2, completed: 7, intervalS: 1800, minIntervalS: 900, warning: undefined }
const PEERS = [
  { address: '192.0.2.1', port: 1 },
  { address: '192.0.2.2', port: 65535 },
]

describe('the answer of an HTTP tracker', () => {
  it('is read as it was written, in wire form and as dictionaries', () => {
    const expected = { ok: true, value: { ...COUNTS, peers: PEERS } }
    expect(parseHttpAnnounceAnswer(writeCompactAnnounceReply(REPLY))).toEqual(expected)
    expect(parseHttpAnnounceAnswer(writeDictionaryAnnounceReply(REPLY))).toEqual(expected)
    const withIds = { ...REPLY, peers: Buffer.concat([at('192.0.2.1', 1), PEER_ID]), withPeerIds: true }
    expect(parseHttpAnnounceAnswer(writeDictionaryAnnounceReply(withIds))).toMatchObject({
      value: { peers: [{ address: '192.0.2.1', port: 1, peerId: PEER_ID }] },
    })
    const v6 = { ...REPLY, client: at('2001:db8::9'), peers: Buffer.from(at('2001:db8::1', 5)) }
    expect(parseHttpAnnounceAnswer(writeCompactAnnounceReply(v6))).toMatchObject({
      value: { peers: [{ address: '2001:db8::1', port: 5 }] },
    })
  })

  it('tells a failure, and counts of a scrape by info hash', () => {
    expect(parseHttpAnnounceAnswer(writeFailure('no', 5))).toEqual({ ok: true, value: { failure: 'no' } })
    expect(parseHttpScrapeAnswer(writeFailure('no'))).toEqual({ ok: true, value: { failure: 'no' } })
    const hashes = [hashOf('ff'), hashOf('0')]
    const counts = hashes.map((_, i) => ({ seeders: i, leechers: 5, completed: 2 ** 32 - 1 }))
    const read = parseHttpScrapeAnswer(writeHttpScrapeReply(hashes, counts))
    expect(read).toEqual({ ok: true, value: new Map(hashes.map((hash, i) => [hash.toString('hex'), counts[i]])) })
  })

  it('that is cut off anywhere is refused', () => {
    const body = writeDictionaryAnnounceReply(REPLY)
    for (let length = 0; length < body.length; length++) {
      expect(parseHttpAnnounceAnswer(body.subarray(0, length)).ok).toBe(false)
    }
    const scrape = writeHttpScrapeReply([hashOf('a')], [{ seeders: 1, leechers: 2, completed: 3 }])
    for (let length = 0; length < scrape.length; length++) {
      expect(parseHttpScrapeAnswer(scrape.subarray(0, length)).ok).toBe(false)
    }
  })

  it('never makes the reader throw, whatever the bytes', () => {
    const pieces = fc.constantFrom(
      ...'d l e i1e 5:peers 8:interval i60e 2:ip 4:port 5:files 20: 6: 0: -1 99999999999:'.split(' '),
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(pieces),
          fc.string().map((text) => [text]),
        ),
        (texts) => {
          const body = Buffer.from(texts.join(''), 'latin1')
          parseHttpAnnounceAnswer(body)
          parseHttpScrapeAnswer(body)
        },
      ),
      { numRuns: 5000 },
    )
  })
})

describe('where a scrape is asked for', () => {
  it.each([
    ['/announce', '/scrape'],
    ['/announce.php', '/scrape.php'],
    ['/x/announce', '/x/scrape'],
    ['/announce/KEY', '/scrape/KEY'],
    ['/announcer/a/b', undefined],
    ['/health_check', undefined],
    ['/', undefined],
  ])('for %s it is %s', (path, scrape) => expect(scrapePathOf(path)).toBe(scrape))
})
