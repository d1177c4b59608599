import { flamegraphPage, flamegraphSvg } from '../flamegraph.ts'
import type { Stack } from '../stacks.ts'
import { treeOf } from '../tree.ts'
import type { FoldedStacks } from './perf.ts'
import { stageOf } from './perf-stages.ts'

/** The frames that all of Redis's stacks begin with: they would only push the rest down. */
const OUTER = /^(_start|__libc_start\w*(@@\S+)?|main|aeMain|\[unknown\])$/

/** The stacks of perf as flamegraphs: a page to look into, and a picture. The first row is the stages of the table. */
export function perfFlamegraphs(stacks: FoldedStacks, title: string): { name: string; text: string }[] {
  const tree = treeOf([...stacks].map(toStack), title)
  return [
    { name: 'perf-flamegraph.html', text: flamegraphPage(tree, title) },
    { name: 'perf-flamegraph.svg', text: flamegraphSvg(tree, title) },
  ]
}

function toStack([stack, samples]: [string, number]): Stack {
  const frames = stack.split(';')
  const from = frames.findIndex((frame) => !OUTER.test(frame))
  const native = from < 0 ? frames.slice(-1) : frames.slice(from)
  const named = (name: string, file: string) => ({ name, file, line: 0, column: 0, scriptId: '' })
  // The stage has the color of a request path, which is what it stands for.
  return {
    frames: [named(stageOf(frames), 'stage'), ...native.map((name) => named(name, ''))],
    samples,
    lines: [],
  }
}
