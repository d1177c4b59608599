import { OperatorError } from '../../lib/errors.ts'
import { VALID_UNTIL_S_MAX } from '../../lib/store/until.ts'
import { quoted } from './given.ts'

const UNITS_S: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }
const DURATION = /^([1-9]\d{0,9})([smhdw])$/

/** Until when something is good, in words; undefined: for ever. */
export function untilText(untilS: number | undefined, nowS: number): string {
  if (untilS === undefined) return 'for ever'
  const time = new Date(untilS * 1000).toISOString().replace(/^(.*)T(.*):.*$/, '$1 $2 UTC')
  return untilS > nowS ? `until ${time}` : `expired ${time}`
}

/** Reads how long something is to be good (`30d`, `12h`), as until when; throws an OperatorError that names the option. */
export function readUntil(option: string, text: string, nowS: number): number {
  const [, count, unit = ''] = DURATION.exec(text) ?? []
  const untilS = nowS + Number(count) * (UNITS_S[unit] ?? 1)
  if (count !== undefined && untilS <= VALID_UNTIL_S_MAX) return untilS
  throw new OperatorError(`${option} must be a number and s, m, h, d or w, such as 30d or 12h, not ${quoted(text)}`)
}
