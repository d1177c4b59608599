import { describe, expect, it } from 'vitest'
import { frontendsUs } from '../bench/frontend/measure.ts'
import { readFrontendOptions } from '../bench/frontend/options.ts'
import { overloadTable } from '../bench/frontend/overload.ts'

describe('the options of bench:frontend', () => {
  it('measure all parts unless told otherwise', () => {
    expect(readFrontendOptions([])).toEqual({
      shape: { seconds: 10, torrents: 100_000, peers: 200_000, numwant: 30 },
      rounds: 3,
      starts: 10,
      processes: [1, 2, 4, 8],
      loadProcesses: 1,
      only: ['http', 'overload', 'processes', 'start'],
      json: false,
    })
    expect(readFrontendOptions(['--only', 'start,http', '--processes', '3'])).toMatchObject({
      only: ['start', 'http'],
      processes: [3],
    })
    expect(readFrontendOptions(['--help'])).toBeUndefined()
  })

  it.each([
    ['--rounds', '0', 'a whole number from 1 to 99'],
    ['--processes', '1,x', 'a whole number from 1 to 64'],
    ['--only', 'https', 'of http, overload, processes, start'],
  ])('say what %s may be', (name, given, mayBe) => {
    expect(() => readFrontendOptions([name, given])).toThrow(mayBe)
  })
})

describe('the results of bench:frontend', () => {
  it('add up what the processes of a frontend took', () => {
    expect(frontendsUs({ 'frontend 1': 3, 'frontend 2': 4, Redis: 5 })).toBe(7)
    expect(frontendsUs({ frontend: 9, Redis: 5 })).toBe(9)
  })

  it('have a cell below each head', () => {
    const half = { askedPerS: 50, answeredPerS: 50, p50Ms: 1, p99Ms: 2, lost: 0, errors: 0 }
    const twice = {
      ...{ askedPerS: 200, sentPerS: 150, answeredPerS: 90, answeredToClosed: 0.9, p99Ms: 900, refused: 1, lost: 2 },
      ...{ dropped: 3, droppedBySystem: 4, residentBefore: 2e8, residentAfter: 2.1e8 },
    }
    const round = { closedPerS: 100, half, twice }
    const { head, rows } = overloadTable({ ...round, rounds: [round] })
    for (const row of rows) expect(row).toHaveLength(head.length)
    expect(rows[2]?.at(-1)).toBe('200.0 MB to 210.0 MB')
  })
})
