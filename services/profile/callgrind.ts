import type { CallCounts } from './call-counts.ts'
import { MADE_FILE } from './paths.ts'
import { type Frame, type Stack, samplesOf } from './stacks.ts'

type Callee = { fn: Fn; samples: number }
type Fn = { frame: Frame; level: number; self: Map<number, number>; callees: Map<string, Callee> }

/** A function called again within itself is another function to callgrind, as with its own `--separate-recs`. */
const keyOf = (frame: Frame, level: number): string =>
  `${frame.file}\n${frame.name}\n${frame.line}\n${frame.column}\n${level}`

function functionsOf(stacks: readonly Stack[]): Map<string, Fn> {
  const fns = new Map<string, Fn>()
  const fnOf = (frame: Frame, level: number): Fn => {
    const key = keyOf(frame, level)
    const known = fns.get(key) ?? { frame, level, self: new Map(), callees: new Map() }
    fns.set(key, known)
    return known
  }
  for (const { frames, samples, lines } of stacks) {
    const levels = new Map<string, number>()
    let caller: Fn | undefined
    for (const frame of frames) {
      const base = keyOf(frame, 0)
      const level = (levels.get(base) ?? 0) + 1
      levels.set(base, level)
      const key = keyOf(frame, level)
      const fn = fnOf(frame, level)
      if (caller) {
        const edge = caller.callees.get(key) ?? { fn, samples: 0 }
        edge.samples += samples
        caller.callees.set(key, edge)
      }
      caller = fn
    }
    if (caller) addSelf(caller, samples, lines)
  }
  return fns
}

/** Where V8 does not say at which line a sample was, it counts for the line at which the function begins. */
function addSelf({ self, frame }: Fn, samples: number, lines: Stack['lines']): void {
  const add = (line: number, count: number) => self.set(line, (self.get(line) ?? 0) + count)
  let left = samples
  for (const { line, samples: count } of lines) {
    add(line, count)
    left -= count
  }
  if (left > 0) add(frame.line, left)
}

/** A call that was not counted: the format has no such thing, and its readers take a 0 for no call at all. */
const NOT_COUNTED = 1

/**
 * A profile as kcachegrind and `callgrind_annotate` read it. Samples are the only event. A call has a count only where it
 * was counted and is sure to be this edge's: where the callee, all its places in stacks together, has this one caller.
 * `counted` says over what the calls were counted.
 */
export function callgrindOf(
  stacks: readonly Stack[],
  { command, callsOf, counted }: { command: string; callsOf: CallCounts; counted: string },
): string {
  const fns = functionsOf(stacks)
  const nameOf = makeNames([...fns.values()])
  const callers = callersOf([...fns.values()])
  const out = [
    '# callgrind format',
    'version: 1',
    'creator: redswarm profile',
    `cmd: ${command}`,
    `desc: Calls: counted by V8's precise coverage over ${counted}, apart from the samples`,
    'desc: Calls: calls=1 is no count, but stands for "not counted"',
    'positions: line',
    'events: samples',
    `summary: ${samplesOf(stacks)}`,
    '',
  ]
  const countOf = (caller: Fn, callee: Fn): number => {
    if (callee.level > 1 || caller.frame.file === MADE_FILE) return NOT_COUNTED
    const isOnlyCaller = callers.get(keyOf(callee.frame, 0))?.size === 1
    return (isOnlyCaller && callsOf(callee.frame)) || NOT_COUNTED
  }
  for (const fn of fns.values()) {
    out.push(`fl=${pathOf(fn.frame.file)}`, `fn=${nameOf(fn)}`)
    for (const [line, samples] of [...fn.self].sort((a, b) => a[0] - b[0])) out.push(`${line} ${samples}`)
    if (fn.self.size === 0) out.push(`${fn.frame.line} 0`)
    for (const { fn: callee, samples } of fn.callees.values()) {
      out.push(`cfi=${pathOf(callee.frame.file)}`, `cfn=${nameOf(callee)}`)
      out.push(`calls=${countOf(fn, callee)} ${callee.frame.line}`, `${fn.frame.line} ${samples}`)
    }
    out.push('')
  }
  out.push(`totals: ${samplesOf(stacks)}`, '')
  return out.join('\n')
}

/** Who calls a function, its levels of recursion together. */
function callersOf(fns: readonly Fn[]): Map<string, Set<string>> {
  const callers = new Map<string, Set<string>>()
  for (const caller of fns) {
    for (const { fn } of caller.callees.values()) {
      const key = keyOf(fn.frame, 0)
      callers.set(key, (callers.get(key) ?? new Set()).add(keyOf(caller.frame, 0)))
    }
  }
  return callers
}

/** Names that tell two functions of one file apart: by their lines where they have the same name. */
function makeNames(fns: readonly Fn[]): (fn: Fn) => string {
  const places = new Map<string, Set<string>>()
  const nameKey = ({ file, name }: Frame) => `${file}\n${name}`
  for (const { frame } of fns) {
    places.set(nameKey(frame), (places.get(nameKey(frame)) ?? new Set()).add(`${frame.line}:${frame.column}`))
  }
  return ({ frame, level }) => {
    const isAlone = places.get(nameKey(frame))?.size === 1
    return `${frame.name}${isAlone ? '' : `:${frame.line}:${frame.column}`}${level > 1 ? `'${level}` : ''}`
  }
}

/**
 * A path from the project's root on, where readers that show sources are to be started. Not an absolute one:
 * callgrind_annotate makes those of functions relative and those of callees not, and takes one for two.
 */
function pathOf(file: string): string {
  if (file === '') return '(native)'
  return file.startsWith('npm:') ? `node_modules/${file.slice('npm:'.length)}` : file
}
