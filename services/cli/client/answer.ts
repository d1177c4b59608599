import { messageOf } from '../../../lib/errors.ts'

/** Why a tracker's answer is none: nothing came, or what no tracker should send, or the tracker refuses. */
export type FailureKind = 'no answer' | 'bad answer' | 'refused'

/** What came of a question. The reason may hold what a tracker wrote: it is for `printable`. */
export type Answer<T> = { ok: true; value: T } | Failure

/** Why nothing came of it. */
export type Failure = { ok: false; kind: FailureKind; reason: string }

/** Wraps a value. */
export const answered = <T>(value: T): Answer<T> => ({ ok: true, value })

/** Nothing came of it, for this reason. */
export const failed = (kind: FailureKind, reason: string): Failure => ({ ok: false, kind, reason })

const REASONS: Record<string, string> = {
  ECONNREFUSED: 'nobody listens there (connection refused)',
  ENOTFOUND: 'no address is known of that name',
  EAI_AGAIN: 'the name could not be looked up',
  ENETUNREACH: 'there is no way to that network',
  EHOSTUNREACH: 'there is no way to that host',
  ECONNRESET: 'the connection was closed before the answer was whole',
  EPROTO: 'what answers does not speak TLS',
  HPE_INVALID_CONSTANT: 'what answers does not speak HTTP',
}

/** What an error of the network says to people. */
export function networkReason(error: unknown): string {
  const { code = '' } = error as NodeJS.ErrnoException
  return REASONS[code] ?? (messageOf(error) || code)
}
