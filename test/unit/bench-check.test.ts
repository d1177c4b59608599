import { describe, expect, it } from 'vitest'
import { type Expected, sayFinding, verdictsOf } from '../bench/check/verdict.ts'

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
