import { describe, expect, it } from 'vitest'
import { callCountsOf } from '../../services/profile/call-counts.ts'
import { callgrindOf } from '../../services/profile/callgrind.ts'
import { flamegraphPage, flamegraphSvg } from '../../services/profile/flamegraph.ts'
import type { ProfileNode } from '../../services/profile/messages.ts'
import { type Frame, type Stack, samplesOf, shortFile, stacksOf } from '../../services/profile/stacks.ts'
import { pruned, treeOf } from '../../services/profile/tree.ts'

const frame = (name: string, file = 'lib/a.ts', line = 10): Frame => ({ name, file, line, column: 1, scriptId: '1' })
const stack = (samples: number, ...names: string[]): Stack => ({
  frames: names.map((name) => frame(name)),
  samples,
  lines: [],
})
const options = { command: 'x', callsOf: () => undefined, counted: '3 s' }

/** Self and inclusive samples of each function, read back from a callgrind file as its readers do. */
function readCallgrind(
  text: string,
): Record<string, { self: number; inclusive: number; calls: Record<string, number> }> {
  const fns: ReturnType<typeof readCallgrind> = {}
  let [fn, callee] = ['', '']
  let isCall = false
  for (const line of text.split('\n')) {
    if (line.startsWith('fn=')) {
      fn = line.slice(3)
      fns[fn] = { self: 0, inclusive: 0, calls: {} }
    } else if (line.startsWith('cfn=')) callee = line.slice(4)
    else if (line.startsWith('calls=')) {
      isCall = true
      ;(fns[fn] as { calls: Record<string, number> }).calls[callee] = Number(/\d+/.exec(line)?.[0])
    } else if (/^\d+ \d+$/.test(line)) {
      const cost = Number(line.split(' ')[1])
      const own = fns[fn] as { self: number; inclusive: number }
      own.inclusive += cost
      if (!isCall) own.self += cost
      isCall = false
    }
  }
  return fns
}

describe('stacks of a profile', () => {
  const node = (
    id: number,
    functionName: string,
    hitCount: number,
    children: number[] = [],
    url = '',
  ): ProfileNode => ({
    id,
    callFrame: { functionName, scriptId: '1', url, lineNumber: 4, columnNumber: 2 },
    hitCount,
    children,
    ...(hitCount > 0 && { positionTicks: [{ line: 6, ticks: hitCount }] }),
  })

  it('are told once each, outermost frame first, without the root', () => {
    const url = new URL('../../lib/udp/linux/reactor.ts', import.meta.url).href
    const nodes = [node(1, '(root)', 0, [2, 4]), node(2, 'a', 3, [3], url), node(3, '', 5), node(4, '(idle)', 7)]
    const stacks = stacksOf({ nodes })
    expect(stacks.map(({ frames, samples }) => [frames.map(({ name }) => name), samples])).toEqual([
      [['a'], 3],
      [['a', 'system call of a'], 5],
      [['(idle)'], 7],
    ])
    expect(stacks[0]?.frames[0]).toMatchObject({ file: 'lib/udp/linux/reactor.ts', line: 5, column: 3 })
    expect(stacks[0]?.lines).toEqual([{ line: 6, samples: 3 }])
  })

  it('name packages and Node for what they are', () => {
    const inPackage = new URL('../../node_modules/ioredis/built/Redis.js', import.meta.url)
    expect(shortFile(inPackage.pathname)).toBe('npm:ioredis/built/Redis.js')
    expect(shortFile('node:net')).toBe('node:net')
  })
})

describe('the callgrind file', () => {
  it('has self and inclusive samples that fit each other', () => {
    const fns = readCallgrind(callgrindOf([stack(3, 'a', 'b'), stack(2, 'a'), stack(4, 'a', 'c', 'b')], options))
    expect(fns.a).toMatchObject({ self: 2, inclusive: 9 })
    expect(fns.b).toMatchObject({ self: 7, inclusive: 7 })
    expect(fns.c).toMatchObject({ self: 0, inclusive: 4 })
  })

  it('counts nothing twice where a function calls itself, by way of another too', () => {
    const text = callgrindOf([stack(1, 'f', 'g', 'f', 'f'), stack(2, 'f')], options)
    const fns = readCallgrind(text)
    expect(fns.f).toMatchObject({ self: 2, inclusive: 3 })
    expect(fns["f'2"]).toMatchObject({ self: 0, inclusive: 1 })
    expect(fns["f'3"]).toMatchObject({ self: 1, inclusive: 1 })
    expect(text).toContain('totals: 3')
    expect(text).toContain('events: samples')
  })

  it('puts samples at the lines where they were', () => {
    const text = callgrindOf([{ ...stack(5, 'a'), lines: [{ line: 12, samples: 3 }] }], options)
    expect(text).toMatch(/fn=a\n10 2\n12 3\n/)
  })

  it('has a count of calls only where the callee has one caller', () => {
    const callsOf = ({ name }: Frame) => ({ b: 70, c: 30 })[name]
    const fns = readCallgrind(
      callgrindOf([stack(1, 'a', 'b'), stack(1, 'a', 'c'), stack(1, 'd', 'c')], { ...options, callsOf }),
    )
    expect(fns.a?.calls).toEqual({ b: 70, c: 1 })
    expect(fns.d?.calls).toEqual({ c: 1 })
    expect(callgrindOf([], options)).toContain('desc: Calls: calls=1 is no count')
  })

  it('tells two functions of one name apart', () => {
    const twice = [frame('send', 'lib/a.ts', 5), frame('send', 'lib/a.ts', 9)].map((each) => ({
      frames: [each],
      samples: 1,
      lines: [],
    }))
    expect(Object.keys(readCallgrind(callgrindOf(twice, options)))).toEqual(['send:5:1', 'send:9:1'])
  })
})

describe('counts of calls', () => {
  it('are found by the place of a function, in the innermost that is there', () => {
    const url = new URL('../../lib/errors.ts', import.meta.url).href
    const range = (startOffset: number, endOffset: number, count: number) => ({
      functionName: '',
      ranges: [{ startOffset, endOffset, count }],
    })
    const callsOf = callCountsOf([{ scriptId: '1', url, functions: [range(0, 900, 1), range(30, 90, 42)] }])
    expect(callsOf({ ...frame('x', 'lib/errors.ts', 1), column: 41 })).toBe(42)
    expect(callsOf({ ...frame('x', 'lib/errors.ts', 1), column: 11 })).toBe(1)
    expect(callsOf(frame('x', 'node:net'))).toBeUndefined()
  })
})

describe('the flamegraph', () => {
  const stacks = [stack(996, 'announce', '<b>'), stack(3, 'scrape'), stack(1, 'rare'), stack(500, 'idle')]

  it('leaves out where nothing ran, and loses no other sample', () => {
    const tree = treeOf(stacks, 'all')
    expect(tree.total).toBe(samplesOf(stacks) - 500)
    expect(tree.children.map(({ name }) => name)).toEqual(['announce', 'scrape', 'rare'])
    expect(pruned(tree, 2).children.map(({ name }) => name)).toEqual(['announce', 'scrape'])
  })

  it('is a picture with samples and shares, in which names are escaped', () => {
    const svg = flamegraphSvg(treeOf(stacks, 'all'), 'a & b')
    expect(svg).toContain('<title>&lt;b&gt; lib/a.ts:10: 996 samples, 99.6 %</title>')
    expect(svg).toContain('a &amp; b')
  })

  it('is a page that asks no other host and whose data cannot end its script', () => {
    const page = flamegraphPage(treeOf([stack(1, '</script>')], 'all'), 'title')
    expect(page.split('</script>')).toHaveLength(2)
    expect(page).toContain("default-src 'none'")
    expect(page).not.toMatch(/(src|href)=|https?:\/\//)
  })
})
