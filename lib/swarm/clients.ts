import { EVENT } from '../wire/announce.ts'
import type { PrefixRows } from '../wire/prefix-rows.ts'
import { makePrefixTable } from '../wire/prefix-table.ts'
import type { Admission, NotAdmitted } from './admission.ts'

/** Whether clients whose peer id begins so are served. */
export type ClientRule = 'allow' | 'deny'

/** What stands for a rule among prefixes. */
export const RULE_VALUES: Record<ClientRule, number> = { allow: 1, deny: 2 }

/** What of all clients that no rule names: served unless some are allowed, for then all others are not. */
export const ruleOfOthers = (rules: readonly ClientRule[]): ClientRule => (rules.includes('allow') ? 'deny' : 'allow')

/** Says whether a client is served, by what it reports, which begins with its peer id. */
export type ClientCheck = (report: Buffer) => boolean

/**
 * The check of some rules: that of the longest prefix counts. Where there is none, a client is served unless some are allowed:
 * then all others are not. Undefined where there are no rules.
 */
export function makeClientCheck(rows: PrefixRows): ClientCheck | undefined {
  if (rows.length === 0) return undefined
  const { find, values } = makePrefixTable(rows)
  const isServedUnnamed = !values.subarray(0, rows.length).includes(RULE_VALUES.allow)
  return (report) => {
    const row = find(report, 0)
    return row < 0 ? isServedUnnamed : values[row] === RULE_VALUES.allow
  }
}

const NOT_ALLOWED: NotAdmitted = { cause: 'client', reason: 'your client is not allowed on this tracker' }

/**
 * Refuses announces of clients that are not served. But `stopped`: a client that is no longer served should not be told to others
 * for a peer lifetime after it has gone.
 */
export const clientAdmission =
  (check: () => ClientCheck | undefined): Admission =>
  ({ report, event }) => {
    const isServed = check()
    return isServed === undefined || event === EVENT.stopped || isServed(report) ? undefined : NOT_ALLOWED
  }
