import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { ScriptCoverage } from './messages.ts'
import { type Frame, shortFile } from './stacks.ts'

/** How often a function was called, counted by V8; undefined where it was not counted. */
export type CallCounts = (frame: Frame) => number | undefined

type Range = { start: number; end: number; count: number }
type Script = { lineStarts: number[]; ranges: Range[] }

/**
 * Calls of functions by where they are: coverage tells offsets, profiles lines and columns. Of Node's own functions there
 * is no source to tell one by the other: they have no counts.
 */
export function callCountsOf(coverage: readonly ScriptCoverage[]): CallCounts {
  const scripts = new Map<string, Script>()
  for (const { url, functions } of coverage) {
    const text = sourceOf(url)
    if (text === undefined) continue
    const ranges = functions.flatMap(({ ranges: [own] }) =>
      own ? [{ start: own.startOffset, end: own.endOffset, count: own.count }] : [],
    )
    scripts.set(shortFile(url), { lineStarts: lineStartsOf(text), ranges })
  }
  return ({ file, line, column }) => {
    const script = scripts.get(file)
    const lineStart = script?.lineStarts[line - 1]
    if (!script || lineStart === undefined) return undefined
    return innermost(script.ranges, lineStart + column - 1)?.count
  }
}

/** A profile's place of a function lies within it (at its parameters), and within the functions around it. */
function innermost(ranges: readonly Range[], offset: number): Range | undefined {
  let best: Range | undefined
  for (const range of ranges) {
    if (offset < range.start || offset >= range.end) continue
    if (!best || range.end - range.start < best.end - best.start) best = range
  }
  return best
}

function lineStartsOf(text: string): number[] {
  const starts = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}

function sourceOf(url: string): string | undefined {
  const path = url.startsWith('file:') ? fileURLToPath(url) : url
  if (!path.startsWith('/')) return undefined
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
