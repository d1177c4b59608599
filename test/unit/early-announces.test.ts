import { describe, expect, it } from 'vitest'
import { EARLY_COUNT_MAX, makeEarlyAnnounces } from '../../lib/swarm/early-announces.ts'
import { type AnnounceRequest, EVENT, type Event, makeReport } from '../../lib/wire/announce.ts'
import { at, hashOf } from '../support/store.ts'

const MIN_INTERVAL_S = 900
const START_S = 1_800_000_000

type Changes = { port?: number; address?: string; hash?: string; peerId?: string; event?: Event }

const requestOf = ({
  port = 6881,
  address = '192.0.2.1',
  hash = 'a',
  peerId = '-RS0001-abcdefghijkl',
  event = EVENT.none,
}: Changes = {}): AnnounceRequest => ({
  infoHash: hashOf(hash),
  endpoint: at(address, port),
  sender: at(address, 50_000),
  report: makeReport(Buffer.from(peerId), 0n, 1000n, 0n),
  ...{ event, numwant: 50, wantsPeerIds: false, passkey: '' },
})

/** Early announces on a clock of the test's: `announce` answers how long the peer has to wait. */
function scene({ max = 3, isExempt = () => false }: { max?: number; isExempt?: () => boolean } = {}) {
  let nowS = START_S
  const early = makeEarlyAnnounces({ minIntervalS: MIN_INTERVAL_S, max, isExempt, seed: 7, nowS: () => nowS })
  return {
    ...early,
    goTo: (atS: number) => {
      nowS = START_S + atS
    },
    announce(atS: number, changes: Changes = {}) {
      nowS = START_S + atS
      const { waitsS } = early.count([requestOf(changes)])
      return waitsS?.[0] ?? 0
    },
  }
}

describe('announces that come too early', () => {
  it('are let off three times in a minimum interval, then told how long to wait, until it is over', () => {
    const { announce } = scene()
    expect([0, 15, 30, 60].map((atS) => announce(atS))).toEqual([0, 0, 0, 0])
    expect([61, 600, 899].map((atS) => announce(atS))).toEqual([839, 300, 1])
    expect([900, 915, 930, 960, 961].map((atS) => announce(atS))).toEqual([0, 0, 0, 0, 839])
  })

  it('are never told of to a peer that keeps to the interval, or goes a little ahead of it', () => {
    const { announce } = scene()
    for (const everyS of [1800, 900, 880, 450, 300])
      for (let i = 0; i < 50; i++) expect(announce(i * everyS, { port: everyS })).toBe(0)
  })

  it('are told of at once where none is let off', () => {
    const { announce } = scene({ max: 0 })
    expect([announce(0), announce(1), announce(900)]).toEqual([0, 899, 0])
  })

  it('are not those with an event: a client that restarts is never punished', () => {
    const { announce } = scene({ max: 0 })
    const events = [EVENT.started, EVENT.stopped, EVENT.completed]
    expect(announce(0)).toBe(0)
    for (let atS = 1; atS < 100; atS++) expect(announce(atS, { event: events[atS % 3] as Event })).toBe(0)
  })

  it.each([
    ['another swarm', { hash: 'b' }],
    ['another port', { port: 6882 }],
    ['another address', { address: '192.0.2.2' }],
    ['the address of the other family, of a dual-stack client', { address: '2001:db8::1' }],
    ['another client behind the same address and port', { peerId: '-RS0001-zyxwvutsrqpo' }],
  ])('are not those of %s', (_, changes) => {
    const { announce } = scene({ max: 0 })
    expect([announce(0), announce(1)]).toEqual([0, 899])
    expect([announce(1, changes), announce(2, changes)]).toEqual([0, 899])
  })

  it('are those of one address of IPv6', () => {
    const { announce } = scene({ max: 0 })
    const address = '2001:db8::1'
    expect([announce(0, { address }), announce(1, { address }), announce(1, { address: '2001:db8::2' })]).toEqual([
      ...[0, 899, 0],
    ])
  })

  it('are told apart in a batch, by their places', () => {
    const { count, goTo } = scene({ max: 1 })
    const batch = [requestOf(), requestOf({ event: EVENT.started }), requestOf({ port: 1 })]
    goTo(0)
    expect(count(batch).waitsS).toBeUndefined()
    goTo(1)
    expect(count([requestOf()]).waitsS).toBeUndefined()
    goTo(2)
    expect(count(batch).waitsS).toEqual([898, 0, 0])
  })

  it('do not count where they were refused', () => {
    const { count, takeBack, announce, goTo } = scene({ max: 1 })
    for (let atS = 0; atS < 20; atS++) {
      goTo(atS)
      for (const entry of count([requestOf(), requestOf({ event: EVENT.started })]).entries) takeBack(entry)
    }
    expect([announce(20), announce(21)]).toEqual([0, 0])
    goTo(22)
    const { entries, waitsS } = count([requestOf()])
    expect(waitsS).toEqual([898])
    for (const entry of entries) takeBack(entry)
    expect(announce(23)).toBe(897)
  })

  it('do not count where they were refused, between others that were served', () => {
    const { count, takeBack, announce, goTo } = scene({ max: 1 })
    expect(announce(0)).toBe(0)
    for (let atS = 1; atS < 20; atS++) {
      goTo(atS)
      for (const entry of count([requestOf()]).entries) takeBack(entry)
    }
    expect([announce(20), announce(21)]).toEqual([0, 879])
  })

  it('are let off for who is exempt', () => {
    const { announce } = scene({ max: 0, isExempt: () => true })
    expect([0, 1, 2, 3].map((atS) => announce(atS))).toEqual([0, 0, 0, 0])
  })

  it('are let off where the clock goes back', () => {
    const { announce } = scene({ max: 0 })
    expect([announce(0), announce(-10), announce(-9)]).toEqual([0, 0, 899])
  })

  it('are remembered of who comes early again and again, whatever crowds come by', () => {
    const { announce } = scene()
    for (let atS = 0; atS < 4; atS++) announce(atS)
    for (let i = 0; i < 320_000; i++) announce(10, { port: i % 65_536, hash: (i >> 16).toString(16).padStart(6, '0') })
    expect(announce(11)).toBe(889)
  }, 30_000)

  it('are told of to hardly anybody else, where as many are remembered as there is room for', () => {
    const { announce } = scene({ max: 0 })
    const crowd = (hash: string) =>
      Array.from({ length: 250_000 }, (_, i) => announce(5, { port: i % 65_536, hash: `${hash}${i >> 16}` }))
    crowd('c')
    expect(crowd('d').filter((waitS) => waitS > 0)).toEqual([])
  }, 30_000)

  it('can be counted up to what an entry has room for', () => {
    const { announce } = scene({ max: EARLY_COUNT_MAX - 1 })
    const waits = Array.from({ length: EARLY_COUNT_MAX + 1 }, (_, atS) => announce(atS))
    expect(waits.slice(0, EARLY_COUNT_MAX).every((waitS) => waitS === 0)).toBe(true)
    expect(waits.at(-1)).toBe(MIN_INTERVAL_S - EARLY_COUNT_MAX)
  })
})
