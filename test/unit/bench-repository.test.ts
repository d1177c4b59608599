import { describe, expect, it } from 'vitest'
import { stacksOf } from '../../services/profile/stacks.ts'
import { treeOf } from '../../services/profile/tree.ts'
import { withText } from '../bench/page.ts'
import { scrapeAll } from '../bench/repository/measure.ts'
import { readRepositoryOptions } from '../bench/repository/options.ts'
import { busyOf } from '../bench/repository/profile.ts'
import { rowsOf } from '../bench/repository/report.ts'
import { summarize } from '../bench/repository/statistics.ts'
import { hashOf } from '../support/store.ts'

describe('the options of the repository benchmark', () => {
  const read = (...args: string[]) => readRepositoryOptions(args)

  it('names the option that is wrong, what was given, and what it may be', () => {
    for (const given of ['0', '1.5', 'x', '100']) {
      const text = `--rounds: "${given}" was given, it must be a whole number from 1 to 99`
      expect(() => read('--rounds', given)).toThrow(text)
    }
    expect(() => read('--implementations', 'redswarm,sets')).toThrow('--implementations: "sets" was given')
    expect(() => read('--only', 'nothing')).toThrow('--only: no operation has "nothing"')
    expect(() => read('--round', '5')).toThrow("'--round'")
  })

  it('does not write a part in the place of all tables', () => {
    expect(() => read('--write', '--only', 'mixed')).toThrow('--write')
    expect(() => read('--write', '--implementations', 'redswarm')).toThrow('--write')
    expect(read('--write', '--quick')).toMatchObject({ write: true, rounds: 3 })
  })

  it('reads what is asked for', () => {
    const options = read('--only', 'mixed', '--implementations', 'AOF', '--rounds', '9')
    expect(options).toMatchObject({ rounds: 9, groups: [{ operations: expect.arrayContaining(['mixed load']) }] })
    expect(options?.implementations.map(({ name }) => name)).toEqual(['AOF'])
    expect(options?.msMax).toBeUndefined()
    expect(read('--help')).toBeUndefined()
  })
})

describe('the report of the repository benchmark', () => {
  const results = [{ operation: 'join', implementation: 'redswarm', redisUs: summarize([1, 9]) }]
  const lowOf = (isLog: boolean) => rowsOf(results, { metric: 'redisUs', shows: /./, isLog })[0]?.low

  it('cuts an interval on a logarithmic axis only', () => {
    // 5 ± 12.706 × 5.657 / 1.414
    expect(lowOf(false)).toBeCloseTo(-45.8, 1)
    expect(lowOf(true)).toBeCloseTo(0.5)
  })

  it('stands between the markers of its name, and nowhere else', () => {
    const page = 'a\n<!-- udp:begin -->\nold\n<!-- udp:end -->\n<!-- http:begin -->\n<!-- http:end -->\n'
    expect(withText(page, 'udp', '$& new')).toBe(page.replace('old', '$$& new'))
    expect(() => withText(page, 'repository', 'new')).toThrow('repository:begin')
  })
})

describe('a scrape of the repository benchmark', () => {
  it('is not counted where it was refused', async () => {
    const counts = { seeders: 1, completed: 0, leechers: 0 }
    const infoHashes = [hashOf('a'), hashOf('b')]
    expect(await scrapeAll(async () => [counts, counts], infoHashes)).toBe(2)
    await expect(scrapeAll(async () => [counts, 'busy'], infoHashes)).rejects.toThrow('refused: busy')
  })
})

describe('the profile of the repository', () => {
  it('has no idle time in its flamegraph', () => {
    const node = (id: number, functionName: string, hitCount: number, children: number[] = []) => ({
      ...{ id, hitCount, children },
      callFrame: { functionName, scriptId: '0', url: '', lineNumber: -1, columnNumber: -1 },
    })
    const nodes = [node(1, '(root)', 0, [2, 3]), node(2, '(idle)', 70), node(3, 'announce', 30)]
    const tree = treeOf(busyOf(stacksOf({ nodes })), 'not idle')
    expect(tree.total).toBe(30)
    expect(tree.children.map(({ name }) => name)).toEqual(['announce'])
  })
})
