import { describe, expect, it } from 'vitest'
import {
  type Expected,
  measuredAgainIfSlower,
  sayFinding,
  updatedExpected,
  verdictsOf,
} from '../bench/check/verdict.ts'

const EXPECTED: Expected = { ratios: { frontend: 0.8, Redis: 0.5 }, margin: 1.25, reason: '' }
const verdictsAt = (frontend: number, redis: number): string[] =>
  verdictsOf({ frontend, Redis: redis }, EXPECTED).map(({ verdict }) => verdict)

describe('the verdict on CPU per response', () => {
  it('passes what is within the margin, up to its very end', () => {
    expect(verdictsAt(0.8, 0.5)).toEqual(['as expected', 'as expected'])
    expect(verdictsAt(1, 0.625)).toEqual(['as expected', 'as expected'])
  })

  it('fails the part that is above its ratio times the margin, and no other', () => {
    expect(verdictsAt(1.01, 0.5)).toEqual(['slower', 'as expected'])
    expect(verdictsAt(0.8, 0.626)).toEqual(['as expected', 'slower'])
  })

  it('tells a part that is below its ratio by more than the margin', () => {
    expect(verdictsAt(0.63, 0.41)).toEqual(['faster', 'as expected'])
  })

  it('fails what was not measured', () => {
    expect(verdictsAt(Number.NaN, 0.5)).toEqual(['slower', 'as expected'])
  })

  it('says which part, by how much, and what to run next', () => {
    const [frontend, redis] = verdictsOf({ frontend: 1.2, Redis: 0.3 }, EXPECTED)
    if (!frontend || !redis) throw new Error('a part is missing')
    expect(sayFinding(frontend, EXPECTED.margin)).toMatch(
      /^frontend: 1\.200 .* 50 % more, over the margin of 25 %.*redswarm profile udp$/,
    )
    expect(sayFinding(redis, EXPECTED.margin)).toMatch(/^Redis: 0\.300 .* 40 % less.*--update$/)
  })
})

describe('a check that finds a part slower', () => {
  const measured = (...frontends: number[]) => {
    const left = [...frontends]
    return measuredAgainIfSlower(async () => {
      const frontend = left.shift() ?? Number.NaN
      return { frontend, findings: verdictsOf({ frontend, Redis: 0.5 }, EXPECTED) }
    })
  }

  it('measures once more, of which the second counts', async () => {
    expect((await measured(2, 0.8)).map(({ frontend }) => frontend)).toEqual([2, 0.8])
    expect((await measured(2, 3, 0.8)).map(({ frontend }) => frontend)).toEqual([2, 3])
  })

  it('measures once where none is slower', async () => {
    expect(await measured(0.8, 2)).toHaveLength(1)
    expect(await measured(0.1, 2)).toHaveLength(1)
  })
})

describe('what is stored anew', () => {
  it('has the new ratios and where they are from, and the margin as it was', () => {
    const ratios = { frontend: 0.9, Redis: 0.6 }
    expect(updatedExpected({ ...EXPECTED, reason: 'old' }, ratios, 'new')).toEqual({
      ratios,
      margin: 1.25,
      reason: 'new',
    })
  })

  it('is refused where a ratio was not measured', () => {
    for (const Redis of [Number.NaN, 0, Number.POSITIVE_INFINITY])
      expect(() => updatedExpected(EXPECTED, { frontend: 0.9, Redis }, '')).toThrow('Redis')
  })
})
