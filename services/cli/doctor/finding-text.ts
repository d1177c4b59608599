import { printable } from '../../../lib/observe/table.ts'
import { type Paint, paint } from '../paint.ts'
import type { Finding, Severity } from './finding.ts'

const STYLES: Record<Severity, Parameters<Paint>[0] | undefined> = {
  critical: 'red',
  warning: 'yellow',
  note: undefined,
  unknown: 'dim',
  fine: 'green',
}

/** Findings for people: severity, what about, what was found, and below it what to do. */
export function findingLines(findings: readonly Finding[]): string[] {
  const [severityWidth = 0, aboutWidth = 0] = [
    findings.map(({ severity }) => severity.length),
    findings.map(({ about }) => about.length),
  ].map((lengths) => Math.max(...lengths))
  const indent = ' '.repeat(severityWidth + aboutWidth + 6)
  return findings.flatMap(({ severity, about, found, todo }) => {
    const style = STYLES[severity]
    const label = severity.padEnd(severityWidth)
    const line = `  ${style ? paint(style, label) : label}  ${about.padEnd(aboutWidth)}  ${printable(found)}`
    return todo === undefined
      ? [line]
      : [
          line,
          ...printable(todo)
            .split('\n')
            .map((each) => `${indent}${each}`),
        ]
  })
}
