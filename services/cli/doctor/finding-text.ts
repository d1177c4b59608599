import { printable } from '../../../lib/observe/table.ts'
import { type Paint, paint } from '../paint.ts'
import { counted } from '../text.ts'
import type { Finding, Severity } from './finding.ts'

const STYLES: Record<Severity, Parameters<Paint>[0] | undefined> = {
  critical: 'red',
  warning: 'yellow',
  note: undefined,
  unknown: 'dim',
  fine: 'green',
}

/** How many things are wrong, for people. */
export const troublesText = (troubles: readonly Finding[]): string =>
  `${counted(troubles.length, 'thing is', 'things are')} wrong`

/** Findings for people: severity, what about, what was found, and below it what to do; folded to the terminal's width. */
export function findingLines(findings: readonly Finding[]): string[] {
  const severityWidth = Math.max(0, ...findings.map(({ severity }) => severity.length))
  const aboutWidth = Math.max(0, ...findings.map(({ about }) => about.length))
  const indent = ' '.repeat(severityWidth + aboutWidth + 6)
  const width = Math.max(TEXT_WIDTH_MIN, (process.stdout.columns ?? Number.POSITIVE_INFINITY) - indent.length)
  return findings.flatMap(({ severity, about, found, todo = '' }) => {
    const style = STYLES[severity]
    const label = severity.padEnd(severityWidth)
    const [first = '', ...more] = folded(printable(found), width)
    return [
      `  ${style ? paint(style, label) : label}  ${about.padEnd(aboutWidth)}  ${first}`,
      ...more.map((line) => indent + line),
      ...folded(printable(todo), width).map((line) => indent + paint('dim', line)),
    ]
  })
}

/** A narrower column is not read. */
const TEXT_WIDTH_MIN = 30

/** A text in lines that are no longer than the width, but for words that are; none of an empty text. */
function folded(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else if (word !== '') lines.push(word)
  }
  return lines
}
