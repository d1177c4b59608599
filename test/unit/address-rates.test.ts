import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { loadSettings } from '../../lib/config/settings.ts'
import { type AddressRates, makeAddressRates, requestsOfScrape } from '../../lib/swarm/address-rates.ts'
import { parseNetworks } from '../../lib/wire/network.ts'
import { makeNetworkCheck } from '../../lib/wire/network-table.ts'
import { startAddressLimits } from '../../services/compose-limits.ts'
import type { Parts } from '../../services/parts.ts'
import { at } from '../support/store.ts'

const NOW_S = 1_800_000_000

const make = (options: object = {}): AddressRates =>
  makeAddressRates({
    ...{ requestsPerS: 10, connectsPerS: 10, burstS: 2, seed: 7 },
    isExempt: makeNetworkCheck(parseNetworks('10.0.0.0/8') ?? []),
    ...options,
  })

/** How many of so many tries are let in. */
const letIn = (count: number, attempt: (i: number) => boolean): number =>
  Array.from({ length: count }, (_, i) => attempt(i)).filter(Boolean).length

describe('the rates of client addresses', () => {
  it('serve a burst, then so many requests a second, of each address by itself', () => {
    const { admits } = make()
    expect(letIn(50, () => admits(at('192.0.2.1'), NOW_S, 1))).toBe(20)
    expect(letIn(50, () => admits(at('192.0.2.1'), NOW_S + 1, 1))).toBe(10)
    expect(letIn(50, () => admits(at('192.0.2.2'), NOW_S + 1, 1))).toBe(20)
  })

  it('count a scrape by what it asks for, as one at least', () => {
    expect([0, 1, 8, 9, 74, 100].map(requestsOfScrape)).toEqual([1, 1, 1, 2, 10, 13])
    const { admits } = make()
    expect(letIn(50, () => admits(at('192.0.2.1'), NOW_S, requestsOfScrape(74)))).toBe(2)
    // One that counts as more than a whole burst takes all of it.
    expect(letIn(50, () => admits(at('192.0.2.2'), NOW_S, 21))).toBe(1)
  })

  it('count the clients of a NAT together, whatever their ports', () => {
    const { admits } = make()
    expect(letIn(50, (i) => admits(at('192.0.2.1', 1024 + i), NOW_S, 1))).toBe(20)
  })

  it('let all that thousands of clients behind one address announce in, at their defaults', () => {
    const { admits } = make({ requestsPerS: 500, burstS: 40 })
    // 9,000 clients with 100 torrents each, at an interval of half an hour: 500 a second, in crowds of a minute.
    const crowds = Array.from({ length: 30 }, (_, minute) =>
      letIn(20_000, (i) => admits(at('192.0.2.1', i), NOW_S + 60 * minute, 1)),
    )
    expect(new Set(crowds)).toEqual(new Set([20_000]))
  })

  it('have a place for connects of their own', () => {
    const { admits, admitsConnect } = make()
    expect(letIn(50, () => admits(at('192.0.2.1'), NOW_S, 1))).toBe(20)
    expect(letIn(15, () => admitsConnect(at('192.0.2.1'), NOW_S))).toBe(15)
  })

  it('answer the connect of an endpoint that was silent, though a forger uses up those of its address', () => {
    const { admitsConnect } = make()
    expect(letIn(1000, () => admitsConnect(at('192.0.2.1', 666), NOW_S))).toBe(21)
    expect(admitsConnect(at('192.0.2.1', 6881), NOW_S)).toBe(true)
    expect(admitsConnect(at('192.0.2.1', 6881), NOW_S)).toBe(false)
    expect(letIn(1000, () => admitsConnect(at('192.0.2.1', 666), NOW_S + 1))).toBe(10)
    expect(admitsConnect(at('192.0.2.1', 6881), NOW_S + 1)).toBe(false)
    // BEP 15 asks again after 15 s.
    expect(letIn(1000, () => admitsConnect(at('192.0.2.1', 666), NOW_S + 15))).toBe(21)
    expect(admitsConnect(at('192.0.2.1', 6881), NOW_S + 15)).toBe(true)
  })

  it('say it to an address over its rate once a minute', () => {
    const { isToBeTold } = make()
    const told = [0, 1, 30, 59, 60.1, 61].map((s) => isToBeTold(at('192.0.2.1', Math.floor(s)), NOW_S + s))
    expect(told).toEqual([true, false, false, false, true, false])
    expect(isToBeTold(at('192.0.2.2'), NOW_S)).toBe(true)
  })

  it('are not for addresses that are exempt, nor for anybody where there is no limit', () => {
    const exempt = make()
    expect(
      letIn(5000, () => exempt.admits(at('10.1.2.3'), NOW_S, 1) && exempt.admitsConnect(at('10.1.2.3'), NOW_S)),
    ).toBe(5000)
    expect(exempt.takeHeldBack()).toBeUndefined()
    const unlimited = make({ requestsPerS: 0, connectsPerS: 0 })
    expect(
      letIn(5000, () => unlimited.admits(at('192.0.2.1'), NOW_S, 1) && unlimited.admitsConnect(at('192.0.2.1'), NOW_S)),
    ).toBe(5000)
  })

  it('tell how many requests were held back since they were asked, with an address', () => {
    const { admits, admitsConnect, takeHeldBack } = make()
    expect(takeHeldBack()).toBeUndefined()
    const source = at('192.0.2.1')
    letIn(25, () => admits(source, NOW_S, 1))
    letIn(25, () => admitsConnect(at('192.0.2.7'), NOW_S))
    // The bytes of a datagram's source are used again.
    source.fill(0)
    expect(takeHeldBack()).toEqual({ requests: 5 + 4, example: at('192.0.2.1') })
    expect(takeHeldBack()).toBeUndefined()
  })

  it('are told of in the log each minute that something was held back, with an address and what to do', async () => {
    const lines: string[] = []
    const tasks: { everyMs: number; task: () => Promise<void> }[] = []
    // Without a limit of all torrents, whose count is asked of Redis.
    const environment = {
      ...{ REDSWARM_ADDRESS_ANNOUNCES_PER_S: '1', REDSWARM_ADDRESS_BURST_S: '2', REDSWARM_TORRENTS_MAX: '0' },
    }
    const { rates } = startAddressLimits({
      settings: loadSettings(environment, false),
      random: () => 0.5,
      clock: { nowS: () => NOW_S },
      log: pino({ base: null, timestamp: false }, { write: (line) => lines.push(line) }),
      repeat: (everyMs: number, task: () => Promise<void>) => tasks.push({ everyMs, task }),
    } as unknown as Parts)
    const everyMinute = tasks.filter(({ everyMs }) => everyMs === 60_000)
    expect(everyMinute).toHaveLength(1)
    letIn(9, () => rates.admits(at('192.0.2.1'), NOW_S, 1))
    letIn(9, () => rates.admits(at('127.0.0.1'), NOW_S, 1))
    for (let minute = 0; minute < 3; minute++) await everyMinute[0]?.task()
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { level: 40, requests: 7, example: '192.0.2.1', msg: expect.stringMatching(/REDSWARM_LIMITS_EXEMPT/) },
    ])
  })
})
