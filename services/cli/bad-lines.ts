import { shown } from '../../lib/observe/table.ts'
import { quoted } from './given.ts'

/** Lines that are told one by one: of a file that is none of what was asked for, every line is bad. */
const TOLD_MAX = 20

/** Lines of a file that cannot be read: how many there are, and what is told of the first. */
export type BadLines = { count: number; told: string[] }

/** A bad line, and what is wrong with it where that is not the same of all. */
export type BadLine = { number: number; text: string; problem?: string }

/** None yet. */
export const noBadLines = (): BadLines => ({ count: 0, told: [] })

/** Adds one. */
export function addBadLine(bad: BadLines, { number, text, problem }: BadLine): void {
  bad.count += 1
  if (bad.count > TOLD_MAX) return
  bad.told.push(`  line ${number}: ${problem === undefined ? '' : `${problem}: `}${quoted(text)}`)
}

/** What is written of some, under a headline. */
export function badLinesText(head: string, { count, told }: BadLines): string {
  const more = count > told.length ? [`  … and ${shown(count - told.length)} more`] : []
  return `${[head, ...told, ...more].join('\n')}\n`
}
