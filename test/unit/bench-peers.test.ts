import { describe, expect, it } from 'vitest'
import { type LoadResult, wholeLoad } from '../bench/peers/load.ts'
import { readPeersOptions } from '../bench/peers/options.ts'
import { markdownOf, summarize } from '../bench/peers/report.ts'

const load = (changes: Partial<LoadResult>): LoadResult => ({
  responses: 1000,
  responsesPerS: 100,
  seconds: 10,
  errors: 0,
  errorTexts: {},
  lost: 0,
  wrong: 0,
  wrongAnswers: {},
  peersPerAnnounce: 20,
  latencyMs: { p50: 1, p90: 1, p99: 2, p999: 3, max: 4 },
  cpuUsPerResponse: { frontend: 8, Redis: 6 },
  loadCpuUsPerResponse: 4,
  ...changes,
})
const round = (changes: Partial<LoadResult>, bytesPerPeer = { frontend: 100, Redis: 50 }) => ({
  tracker: 'redswarm',
  load: load(changes),
  bytesPerPeer,
})

describe('the summary of a comparison', () => {
  it('takes the median of the rounds, of the whole and of each part', () => {
    const cpus = [
      { frontend: 9, Redis: 1 },
      { frontend: 2, Redis: 4 },
      { frontend: 3, Redis: 9 },
    ]
    const { cpuUs } = summarize(
      '1',
      cpus.map((cpuUsPerResponse) => round({ cpuUsPerResponse })),
    )
    expect(cpuUs).toEqual({ rounds: [10, 6, 12], median: 10, parts: { frontend: 3, Redis: 4 } })
  })

  it('adds up what went wrong in all rounds, by its text', () => {
    const summary = summarize('1', [
      round({ errors: 2, errorTexts: { busy: 2 }, lost: 3 }),
      round({ errors: 1, errorTexts: { busy: 1 }, wrong: 4, wrongAnswers: { short: 4 } }),
    ])
    expect(summary).toMatchObject({ errors: 3, lost: 3, wrong: 4, texts: { busy: 3, short: 4 } })
  })

  it('counts a wrong reply as one that was paid for', () => {
    const summary = summarize('1', [round({ responses: 900, wrong: 100, responsesPerS: 90 })])
    expect(summary.cpuUs.median).toBeCloseTo(14 * 0.9)
    expect(summary.responsesPerS).toBeCloseTo(100)
  })

  it('makes a row for each tracker, with parts where there are several processes', () => {
    const table = markdownOf([summarize('1', [round({})])]).split('\n')
    expect(table).toHaveLength(3)
    expect(table[2]).toContain('| Redswarm | 14.0 (frontend 8.00, Redis 6.00) |')
    expect(table[2]).toContain('| 150 (frontend 100, Redis 50) |')
  })
})

describe('a load of a comparison', () => {
  const told = (changes: object) => ({ ...load({}), seconds: 5.01, ...changes })

  it('is taken where it was whole', () => {
    expect(wholeLoad(told({}), 5)).toMatchObject({ responses: 1000, cpuUsPerResponse: { frontend: 8, Redis: 6 } })
  })

  it('is refused where a process of the tracker had ended: it did not take 0 µs', () => {
    const cpuUsPerResponse = { frontend: null, Redis: 6 }
    expect(() => wholeLoad(told({ cpuUsPerResponse }), 5)).toThrow('ended while it was loaded: frontend')
  })

  it('is refused where it was cut off, or had no answer', () => {
    expect(() => wholeLoad(told({ seconds: 3 }), 5)).toThrow('cut off after 3.0 of 5 s')
    expect(() => wholeLoad(told({ responses: 0 }), 5)).toThrow('no right answer')
  })
})

describe('the options of a comparison', () => {
  const read = (...args: string[]) => readPeersOptions(args, ['redswarm', 'opentracker'])

  it('names the option that is wrong, what was given, and what it may be', () => {
    expect(() => read('--rounds', '0')).toThrow('--rounds: "0" was given, it must be a whole number from 1 to 99')
    expect(() => read('--only', 'redswarm,chihaya')).toThrow('--only: "chihaya" was given')
  })

  it('reads what is asked for, and otherwise has the load as it comes', () => {
    expect(read('--http', '--only', 'opentracker')).toMatchObject({ protocol: 'http', only: ['opentracker'] })
    expect(read()).toMatchObject({ protocol: 'udp', rounds: 3, shape: { torrents: 100_000, peers: 200_000 } })
    expect(read('--help')).toBeUndefined()
  })
})
