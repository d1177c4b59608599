import { shown, tableOf } from '../../../lib/observe/table.ts'
import type { Outcome } from '../../../lib/store/move/outcome.ts'

const HEAD = ['', 'rows', 'new', 'changed', 'as before', 'expired', 'wrong']

/** What became of rows, by what they are, as a table for people. */
export const outcomeTable = (outcomes: Record<string, Outcome>): string[] =>
  tableOf(
    HEAD,
    Object.entries(outcomes).map(([name, { rows, added, changed, unchanged, expired, bad }]) => [
      name,
      ...[rows, added, changed, unchanged, expired, bad].map(shown),
    ]),
  )
