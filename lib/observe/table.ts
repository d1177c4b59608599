/** Rows under a head, lined up: the first column to the left, the others to the right unless they end a row of text. */
export function tableOf(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  textColumns: number[] = [0],
): string[] {
  const all = [head, ...rows]
  const widths = head.map((_, i) => Math.max(...all.map((row) => row[i]?.length ?? 0)))
  return all.map((row) =>
    `  ${widths
      .map((width, i) => (textColumns.includes(i) ? (row[i] ?? '').padEnd(width) : (row[i] ?? '').padStart(width)))
      .join('  ')}`.trimEnd(),
  )
}

/** What somebody else wrote must not reach a terminal as it is: anything but ASCII's letters, digits and marks is `?`. */
export const printable = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?')

/** A count for people. */
export const shown = (count: number): string => Math.round(count).toLocaleString('en-US')

/** A number of so many digits after the point; what would show as zero and is not says so. */
export function fixed(value: number, digits = 2): string {
  const least = 10 ** -digits
  return value > 0 && value < least / 2 ? `<${least}` : value.toFixed(digits)
}

/** A share in percent. */
export const percent = (share: number): string => `${fixed(100 * share, 1)} %`

/** Bytes in the unit that fits. */
export function shownBytes(bytes: number): string {
  if (bytes < 10_000) return `${shown(bytes)} B`
  return bytes < 10_000_000 ? `${fixed(bytes / 1e3, 1)} kB` : `${fixed(bytes / 1e6, 1)} MB`
}

/** Values as one line of JSON, all of it ASCII: what somebody else wrote may end on a terminal in this form, too. */
export const jsonLine = (value: unknown): string =>
  `${JSON.stringify(value).replace(/[\x7f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`
