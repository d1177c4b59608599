import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CASES, THEMES } from './cases/index.ts'
import { TRAPS } from './cases/traps.ts'
import { runsOf } from './runner.ts'
import type { Setup } from './subject.ts'
import { startRedswarm } from './subjects/redswarm.ts'

describe('Redswarm', () => {
  let tracker: Setup
  beforeAll(async () => {
    tracker = await startRedswarm()
  })
  afterAll(() => tracker?.stop())

  for (const { name, cases } of THEMES) {
    describe.concurrent(name, () => {
      for (const entry of cases) {
        const title = `${entry.number} ${entry.title}`
        if ('awaits' in entry) it.todo(`${title} (awaits ${entry.awaits})`)
        for (const run of runsOf(entry))
          it(run.name === '' ? title : `${title}: ${run.name}`, () => run.on(tracker.subject))
      }
    })
  }
})

describe('the list of cases', () => {
  it('has each number from 1 to 96, and no case twice', () => {
    const numbers = CASES.map(({ number }) => number)
    expect(numbers.filter((number, i) => numbers.indexOf(number) !== i)).toEqual([])
    const missing = Array.from({ length: 96 }, (_, i) => String(i + 1)).filter((number) => !numbers.includes(number))
    expect(missing).toEqual([])
  })

  it('is told in the docs, with what Redswarm does (npm run conformance)', () => {
    const page = readFileSync(new URL('../../docs/conformance.md', import.meta.url), 'utf8')
    const rows = CASES.map((entry) => {
      const verdict = 'awaits' in entry ? `not yet: ${entry.awaits}` : 'yes'
      return `| ${entry.number} | ${entry.title} | ${entry.source} | ${verdict} |`
    })
    expect(rows.filter((row) => !page.includes(row))).toEqual([])
  })

  it('has a case for each trap that can be seen from outside', () => {
    const numbers = new Set(CASES.map(({ number }) => number))
    const unknown = TRAPS.flatMap(([, cases]) => (typeof cases === 'string' ? [] : cases)).filter(
      (each) => !numbers.has(each),
    )
    expect(unknown).toEqual([])
  })
})
