import { fixed, shown } from '../../lib/observe/table.ts'

/** A table in Markdown, padded so that it reads as text too; all columns but the first are numbers, to the right. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, column) => Math.max(3, name.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, i) => (i === 0 ? (cells[i] ?? '').padEnd(width) : (cells[i] ?? '').padStart(width))).join(' | ')} |`
  const rule = widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  return [line(head), line(rule), ...rows.map(line)].join('\n')
}

/** A measured number: three figures or, from a hundred on, none behind the point. */
export const figure = (value: number): string => (value >= 100 ? shown(value) : fixed(value, value >= 10 ? 1 : 2))
