import { pathToFileURL } from 'node:url'
import type { CallFrame, CpuProfile, ProfileNode } from './messages.ts'

/** A function as profiles show it. `file` is a path of the project, `npm:package/…` or `node:…`; native code has none. */
export type Frame = { name: string; file: string; line: number; column: number; scriptId: string }

/** A stack that was seen, from the outermost frame to the innermost, and at which lines of the innermost. */
export type Stack = { frames: Frame[]; samples: number; lines: { line: number; samples: number }[] }

const ROOT_URL = pathToFileURL(new URL('../../', import.meta.url).pathname).href

/** A URL or path of a script, as short as it says where it is from. */
export function shortFile(url: string): string {
  const path = url.startsWith('/') ? pathToFileURL(url).href : url
  const inPackage = path.lastIndexOf('/node_modules/')
  if (inPackage >= 0) return `npm:${path.slice(inPackage + '/node_modules/'.length)}`
  return path.startsWith(ROOT_URL) ? path.slice(ROOT_URL.length) : path
}

function frameOf({ functionName, scriptId, url, lineNumber, columnNumber }: CallFrame): Frame {
  const line = lineNumber + 1
  const name = functionName || `(anonymous:${line})`
  return { name, file: shortFile(url), line, column: columnNumber + 1, scriptId }
}

/**
 * All functions that koffi makes are one function to V8, which gives them the name of the last one made: of a system call
 * in lib/udp, only where it was called from says which one it is.
 */
function ffiNamed(frame: Frame, caller: Frame | undefined): Frame {
  return frame.file === '' && caller?.file.startsWith('lib/udp/linux/')
    ? { ...frame, name: `system call of ${caller.name}` }
    : frame
}

/** The stacks of a profile, each once, with how often it was seen. */
export function stacksOf({ nodes }: Pick<CpuProfile, 'nodes'>): Stack[] {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const stacks: Stack[] = []
  const visit = (node: ProfileNode, above: readonly Frame[]): void => {
    const isRoot = node.callFrame.functionName === '(root)'
    const frames = isRoot ? [...above] : [...above, ffiNamed(frameOf(node.callFrame), above.at(-1))]
    if (node.hitCount) {
      const lines = (node.positionTicks ?? []).map(({ line, ticks }) => ({ line, samples: ticks }))
      stacks.push({ frames, samples: node.hitCount, lines })
    }
    for (const id of node.children ?? []) {
      const child = byId.get(id)
      if (child) visit(child, frames)
    }
  }
  const [root] = nodes
  if (root) visit(root, [])
  return stacks
}

/** A rule's picture of a frame: its file and, where given, its function. */
export type FrameRule = { file: RegExp; fn?: RegExp }

/** Whether a rule is about a frame. */
export const matches = ({ file, fn }: FrameRule, frame: Frame): boolean =>
  file.test(frame.file) && (fn === undefined || fn.test(frame.name))

/** What V8 shows in the place of a function where none of ours runs. */
export const NATIVE = { idle: '(idle)', program: '(program)', garbage: '(garbage collector)' } as const

/** Samples of stacks together. */
export const samplesOf = (stacks: readonly Pick<Stack, 'samples'>[]): number =>
  stacks.reduce((sum, { samples }) => sum + samples, 0)
