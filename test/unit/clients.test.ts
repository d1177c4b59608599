import { describe, expect, it } from 'vitest'
import { makeClientReader } from '../../lib/store/clients.ts'
import { makeDeniedReader } from '../../lib/store/denied.ts'
import { clientAdmission, makeClientCheck } from '../../lib/swarm/clients.ts'
import { deniedAdmission, makeDeniedCheck, withoutDenied } from '../../lib/swarm/denied.ts'
import { type AnnounceRequest, EVENT, type Event, makeReport } from '../../lib/wire/announce.ts'
import { parsePeerIdPrefix, peerIdPrefixText } from '../../lib/wire/peer-id-prefix.ts'
import { at, hashOf } from '../support/store.ts'

const requestOf = (peerId: string, event: Event = EVENT.none): AnnounceRequest => ({
  ...{
    infoHash: hashOf('a'),
    endpoint: at('192.0.2.1'),
    sender: at('192.0.2.1'),
    event,
    numwant: 50,
    wantsPeerIds: false,
    passkey: '',
  },
  report: makeReport(Buffer.from(peerId.padEnd(20, 'x'), 'latin1'), 0n, 1n, 0n),
})

/** What is said of a client by rules. */
function causeOf(rules: Record<string, string>, peerId: string, event?: Event) {
  const reader = makeClientReader(makeClientCheck)
  reader.take(Object.entries(rules))
  const check = reader.view()
  return clientAdmission(() => check)(requestOf(peerId, event))?.cause
}

describe('rules of clients', () => {
  it.each([
    ['serve all where there are none', {}, '-XL0012-', undefined],
    ['refuse who is denied', { '-XL0012-': 'deny' }, '-XL0012-', 'client'],
    ['serve others', { '-XL0012-': 'deny' }, '-XL0013-', undefined],
    ['refuse all who begin so', { '-XL': 'deny' }, '-XL0013-', 'client'],
    ['go by the longest that fits: allowed', { '-XL': 'deny', '-XL0019-': 'allow' }, '-XL0019-', undefined],
    ['go by the longest that fits: denied', { '-qB': 'allow', '-qB3': 'deny' }, '-qB3000-', 'client'],
    ['refuse all others where some are allowed', { '-qB': 'allow' }, '-TR3000-', 'client'],
    ['refuse who begins as part of what is allowed', { '-qB4': 'allow' }, '-qB3000-', 'client'],
    ['are of any bytes', { '\\x00\\xff': 'deny' }, '\0\xff', 'client'],
    ['may be of a whole peer id', { ['y'.repeat(20)]: 'deny' }, 'y'.repeat(20), 'client'],
    ['that are damaged say nothing', { '-XL': 'perhaps', ['z'.repeat(21)]: 'deny' }, '-XL0012-', undefined],
  ])('%s', (_, rules, peerId, cause) => expect(causeOf(rules as Record<string, string>, peerId)).toBe(cause))

  it('let a client leave that is no longer served', () =>
    expect(causeOf({ '-XL': 'deny' }, '-XL0012-', EVENT.stopped)).toBeUndefined())

  it('are changed one by one: what is gone says nothing any more', () => {
    const reader = makeClientReader(makeClientCheck)
    reader.take([['-XL', 'deny']])
    reader.take([['-XL', '']])
    expect(reader.view()).toBeUndefined()
    reader.take([
      ['-qB', ''],
      ['-TR', 'allow'],
    ])
    expect(reader.view()?.(requestOf('-qB4500-').report)).toBe(false)
    expect(reader.view()?.(requestOf('-TR4500-').report)).toBe(true)
  })
})

describe('the beginning of a peer id', () => {
  it.each([
    ['-XL0012-', '-XL0012-'],
    ['a b', 'a\\x20b'],
    ['\\x41\\x00', 'A\\x00'],
    ['\\\\', '\\x5c'],
    ['\\xFF', '\\xff'],
  ])('%j is written %j', (text, canonical) => {
    expect(peerIdPrefixText(parsePeerIdPrefix(text) as Buffer)).toBe(canonical)
    expect(parsePeerIdPrefix(canonical)).toEqual(parsePeerIdPrefix(text))
  })

  it.each(['', '\\', '\\x1', '\\xzz', 'é', 'a\tb', 'x'.repeat(21), '\n'])('%j is none', (text) =>
    expect(parsePeerIdPrefix(text)).toBeUndefined(),
  )
})

describe('a denied torrent', () => {
  const denied = (nowS: number) => {
    const reader = makeDeniedReader((rows) => makeDeniedCheck(rows, () => nowS))
    reader.take([
      [hashOf('a').toString('hex'), '1000'],
      [hashOf('b').toString('hex'), '0'],
      ['nothing', '0'],
    ])
    return reader.view()
  }

  it('is refused, also to those who leave, and no other; for as long as it is denied', () => {
    const admission = deniedAdmission(denied(999))
    expect(admission(requestOf('-qB4500-'))).toEqual({
      cause: 'denied',
      reason: 'this torrent is not allowed on this tracker',
    })
    expect(admission(requestOf('-qB4500-', EVENT.stopped))?.cause).toBe('denied')
    expect(admission({ ...requestOf('-qB4500-'), infoHash: hashOf('c') })).toBeUndefined()
    expect(['a', 'b', 'c'].map((digit) => denied(1000)(hashOf(digit)))).toEqual([false, true, false])
  })

  it('is told by a scrape as one that nobody has', async () => {
    const counts = { seeders: 1, leechers: 2, completed: 3 }
    const scrape = withoutDenied(async (hashes) => hashes.map(() => counts), denied(1))
    const none = { seeders: 0, leechers: 0, completed: 0 }
    expect(await scrape([hashOf('c'), hashOf('a'), hashOf('c')])).toEqual([counts, none, counts])
  })
})
