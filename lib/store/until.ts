import { GONE } from '../wire/prefix-rows.ts'

/** The latest time that can be told from somebody's mistake: the year 33658. */
export const VALID_UNTIL_S_MAX = 999_999_999_999

/** Until when a passkey, or a ban, is good, as it is kept. 0 says for ever: what was good until then is over. */
export const writeUntil = (untilS: number | undefined): number =>
  untilS === undefined ? 0 : Math.min(Math.max(Math.ceil(untilS), 1), VALID_UNTIL_S_MAX)

/** The same as it is read; what is no time, somebody's mistake, is over. */
export function readUntil(text: string | undefined): number | undefined {
  if (text === '0') return undefined
  return /^\d{1,12}$/.test(text ?? '') ? Number(text) : 1
}

/** As a number to compare with, for ever without end; where a change says that something is gone, what rows have for that. */
export const untilValue = (until: string): number =>
  until === '' ? GONE : (readUntil(until) ?? Number.POSITIVE_INFINITY)
