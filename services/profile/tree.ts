import type { Stack } from './stacks.ts'
import { IDLE } from './stages.ts'

/** A node of a flamegraph: all samples of stacks that go through it, and those that end in it. */
export type FlameNode = { name: string; file: string; line: number; self: number; total: number; children: FlameNode[] }

/** The tree of stacks below their paths; where nothing ran is left out, or it would dwarf the rest. */
export function treeOf(stacks: readonly Stack[], name: string): FlameNode {
  const root = makeNode(name, '', 0)
  const byKey = new Map<FlameNode, Map<string, FlameNode>>()
  for (const { frames, samples } of stacks) {
    if (frames[0]?.name === IDLE) continue
    root.total += samples
    let node = root
    for (const frame of frames) {
      const children = byKey.get(node) ?? new Map<string, FlameNode>()
      byKey.set(node, children)
      const key = `${frame.name}\n${frame.file}\n${frame.line}`
      let child = children.get(key)
      if (!child) {
        child = makeNode(frame.name, frame.file, frame.line)
        children.set(key, child)
        node.children.push(child)
      }
      child.total += samples
      node = child
    }
    node.self += samples
  }
  sortChildren(root)
  return root
}

const makeNode = (name: string, file: string, line: number): FlameNode => ({
  ...{ name, file, line },
  ...{ self: 0, total: 0, children: [] },
})

function sortChildren(node: FlameNode): void {
  node.children.sort((a, b) => b.total - a.total)
  for (const child of node.children) sortChildren(child)
}

/** A tree without the nodes that have fewer samples. */
export const pruned = (node: FlameNode, samplesMin: number): FlameNode => ({
  ...node,
  children: node.children.filter(({ total }) => total >= samplesMin).map((child) => pruned(child, samplesMin)),
})
