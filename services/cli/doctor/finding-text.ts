import { printable } from '../../../lib/observe/table.ts'
import { type Paint, paint } from '../paint.ts'
import { counted, folded } from '../text.ts'
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
  const width = (process.stdout.columns ?? Number.POSITIVE_INFINITY) - indent.length
  return findings.flatMap(({ severity, about, found, todo = '' }) => {
    const style = STYLES[severity]
    const label = severity.padEnd(severityWidth)
    const [first = '', ...more] = folded(printable(found).split(' '), width)
    return [
      `  ${style ? paint(style, label) : label}  ${about.padEnd(aboutWidth)}  ${first}`,
      ...more.map((line) => indent + line),
      ...folded(printable(todo).split(' '), width).map((line) => indent + paint('dim', line)),
    ]
  })
}
