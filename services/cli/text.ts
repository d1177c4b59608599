import { shown } from '../../lib/observe/table.ts'

const UNITS: readonly (readonly [string, number])[] = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
]

/** How long something takes or is ago, for people: `12 s`, `5 min`, `3 h`. */
export function ageText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  const [unit, size] = UNITS.find(([, each]) => whole >= 2 * each) ?? ['s', 1]
  return `${shown(whole / size)} ${unit}`
}

/** How many there are: `1 peer`, `2 peers`. */
export const counted = (count: number, one: string, more = `${one}s`): string =>
  `${shown(count)} ${count === 1 ? one : more}`

/** A time of Redis's clock for people. */
export const timeText = (seconds: number): string =>
  new Date(seconds * 1000).toISOString().replace(/^(.*)T(.*)\..*$/, '$1 $2 UTC')

/** Lines as one text. */
export const textOf = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('')

/** A narrower column is not read. */
const TEXT_WIDTH_MIN = 30

/** Words in lines that are no longer than the width, but for words that are, and where it is too narrow to read. */
export function folded(words: readonly string[], width: number): string[] {
  const lines: string[] = []
  for (const word of words) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= Math.max(TEXT_WIDTH_MIN, width))
      lines[lines.length - 1] = `${last} ${word}`
    else if (word !== '') lines.push(word)
  }
  return lines
}
