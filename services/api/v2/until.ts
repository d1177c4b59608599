import Type from 'typebox'
import { VALID_UNTIL_S_MAX } from '../../../lib/store/until.ts'
import { ApiError, badField } from '../errors.ts'
import { Nullable } from './schemas.ts'

/** Until when something is good, as it is answered. */
export const Until = Nullable(Type.Integer({ description: 'Seconds since the epoch; null: for ever.' }))

/** How long something is to be good, as it is asked for: for ever where neither is said. */
export const UNTIL_FIELDS = {
  until: Type.Optional(
    Nullable(Type.Integer({ minimum: 1, maximum: VALID_UNTIL_S_MAX, description: 'Seconds since the epoch.' })),
  ),
  for_s: Type.Optional(
    Nullable(Type.Integer({ minimum: 1, maximum: VALID_UNTIL_S_MAX, description: 'Seconds from now on.' })),
  ),
}

/** Until when that is; undefined: for ever. */
export function untilOf(
  { until = null, for_s: forS = null }: { until?: number | null; for_s?: number | null },
  nowS: number,
): number | undefined {
  if (until !== null && forS !== null) throw new ApiError(400, 'bad_request', 'until and for_s cannot both be said')
  if (until !== null && until <= nowS) throw badField('until', 'a time to come, in seconds since the epoch', until)
  return until ?? (forS === null ? undefined : Math.ceil(nowS) + forS)
}

/** As it is answered, of the value of a row. */
export const untilBody = (value: number): number | null => (Number.isFinite(value) ? value : null)
