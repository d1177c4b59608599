import { describe, expect, it } from 'vitest'
import { makeRandom } from '../../lib/random.ts'
import { endpointText } from '../../lib/wire/endpoint.ts'
import { makeLatencies } from '../../services/load/histogram.ts'
import { NUMBERS, type RawLoadOptions, readOptions } from '../../services/load/options.ts'
import { makePace } from '../../services/load/pace.ts'
import { makeKindPicker, makePlan } from '../../services/load/plan.ts'
import { addressOfPeer, type LoadPeer, makeLoad } from '../../services/load/shape.ts'
import { KIND } from '../../services/load/tally.ts'
import { readTarget } from '../../services/load/target.ts'

const loadOf = (seed: number, seeders?: number): LoadPeer[] =>
  makeLoad(1000, 4000, makeRandom(seed), (peer) => addressOfPeer(peer, 4), seeders)
const shown = (load: LoadPeer[]) =>
  load.map(({ infoHash, endpoint }) => `${infoHash.toString('hex')} ${endpoint.toString('hex')}`)

describe('the peers of a load', () => {
  it('are the same for the same seed, others for another', () => {
    expect(shown(loadOf(7))).toEqual(shown(loadOf(7)))
    expect(shown(loadOf(7))).not.toEqual(shown(loadOf(8)))
  })

  it('are each somebody of their own, spread as aquatic spreads them', () => {
    const load = loadOf(1)
    expect(new Set(load.map(({ endpoint }) => endpoint.toString('hex'))).size).toBe(load.length)
    const sizes = new Map<string, number>()
    for (const { infoHash } of load) sizes.set(infoHash.toString('hex'), (sizes.get(infoHash.toString('hex')) ?? 0) + 1)
    const sorted = [...sizes.values()].sort((a, b) => b - a)
    expect(sorted[0]).toBeGreaterThan(10 * (sorted.at(-1) as number))
  })

  it('are seeders as often as asked for', () => {
    const share = loadOf(1, 0.25).filter(({ isSeeder }) => isSeeder).length / 4000
    expect(share).toBeGreaterThan(0.22)
    expect(share).toBeLessThan(0.28)
  })

  it('are all at one process of several, each with its share of what may be under way', async () => {
    const target = await readTarget('udp', 'udp://127.0.0.1:6969', false)
    const numbers = Object.entries({ ...NUMBERS }).map(([name, each]) => [name, String(each.default)])
    const raw = { ...Object.fromEntries(numbers), peers: '4000', torrents: '1000', addresses: '5', processes: '2' }
    const options = readOptions({ ...raw, seeders: '0.75', weights: '1:1:1', fill: true } as RawLoadOptions, target)
    const plans = [0, 1].map((index) => makePlan(options, target, { index, of: 2 }))
    const places = plans.flatMap((plan) => plan.places)
    expect(places.map(({ address }) => address).sort()).toEqual([1, 2, 3, 4, 5].map((i) => `127.0.1.${i}`))
    expect(places.reduce((sum, { slots }) => sum + slots, 0)).toBe(options.outstanding)
    const all = makeLoad(1000, 4000, makeRandom(1), (peer) => addressOfPeer(peer, 5), 0.75)
    expect(shown(places.flatMap(({ own }) => own)).sort()).toEqual(shown(all).sort())
    for (const { address, own } of places)
      for (const { endpoint } of own) expect([...endpoint.subarray(0, 4)].join('.')).toBe(address)
  })
})

describe('the peers of a load over IPv6', () => {
  it('are all at one address, each at a port of its own', async () => {
    const target = await readTarget('udp', 'udp://[::1]:6969', false)
    const numbers = Object.entries(NUMBERS).map(([name, each]) => [name, String(each.default)])
    const raw = { ...Object.fromEntries(numbers), peers: '4000', torrents: '1000' }
    const options = readOptions({ ...raw, seeders: '0.75', weights: '1:1:1', fill: true } as RawLoadOptions, target)
    const { places } = makePlan(options, target, { index: 0, of: 1 })
    const endpoints = places.flatMap(({ own }) => own.map(({ endpoint }) => endpointText(endpoint)))
    expect(new Set(endpoints).size).toBe(4000)
    for (const text of endpoints) expect(text).toMatch(/^\[::1\]:\d{4,5}$/)
  })
})

describe('the kinds of request', () => {
  it('come as often as their weights say', () => {
    const pick = makeKindPicker({ connect: 50, announce: 40, scrape: 10 }, makeRandom())
    const counts = [0, 0, 0]
    for (let i = 0; i < 100_000; i++) {
      const kind = pick()
      counts[kind] = (counts[kind] as number) + 1
    }
    expect((counts[KIND.connect] as number) / 100_000).toBeCloseTo(0.5, 1)
    expect((counts[KIND.announce] as number) / 100_000).toBeCloseTo(0.4, 1)
    expect((counts[KIND.scrape] as number) / 100_000).toBeCloseTo(0.1, 1)
  })

  it('do not come where their weight is 0', () => {
    const pick = makeKindPicker({ connect: 0, announce: 1, scrape: 0 }, makeRandom())
    for (let i = 0; i < 1000; i++) expect(pick()).toBe(KIND.announce)
  })
})

describe('the pace of an open loop', () => {
  it('has as many requests due as the rate says, and says when each was', () => {
    const pace = makePace(1000, 5000)
    expect(pace.due(5000)).toBe(1)
    expect(pace.due(5099.5)).toBe(100)
    expect([pace.take(), pace.take(), pace.take()]).toEqual([5000, 5001, 5002])
    expect(pace.due(5099.5)).toBe(97)
  })

  it('does not forget what was due while nothing could be sent', () => {
    const pace = makePace(100, 0)
    pace.take()
    expect(pace.due(10_000)).toBe(1000)
    expect(pace.take()).toBe(10)
  })
})

describe('latencies', () => {
  it('of several processes are told together', () => {
    const [first, second, both] = [makeLatencies(), makeLatencies(), makeLatencies()]
    for (let ms = 1; ms <= 50; ms++) first.record(ms)
    for (let ms = 51; ms <= 100; ms++) second.record(ms)
    both.add(first.encode())
    both.add(second.encode())
    const { p50, p99, max } = both.percentiles()
    expect(p50).toBeCloseTo(50, 0)
    expect(p99).toBeCloseTo(99, 0)
    expect(max).toBeCloseTo(100, 0)
  })

  it('are 0 where there are none', () => {
    expect(makeLatencies().percentiles()).toEqual({ p50: 0, p90: 0, p99: 0, p999: 0, max: 0 })
  })
})
