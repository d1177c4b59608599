import type { Redis } from 'ioredis'
import { messageOf } from '../errors.ts'

/** Errors by which ioredis says no more than that a connection is not there: why, it has said before. */
const SAYS_NO_REASON = /^(?:Stream isn't writeable|Reached the max retries|All sentinels are unreachable)/

/** Whether an error of a connection tells why it is not there. */
export const isReason = ({ message }: Error): boolean => !SAYS_NO_REASON.test(message)

/** How a connection tells that Redis does not answer. */
export const LATE = 'Redis did not answer in time'

const known = new WeakMap<Redis, () => Error>()

/**
 * What tells why a connection is not there: what it failed by last, or that Redis still reads its data. The same for a
 * connection however often it is asked for.
 */
export function connectionProblemOf(redis: Redis): () => Error {
  const problem = known.get(redis) ?? watchProblem(redis)
  known.set(redis, problem)
  return problem
}

function watchProblem(redis: Redis): () => Error {
  let reason = ''
  redis.on('error', (error: Error) => {
    if (isReason(error)) reason = messageOf(error)
  })
  // It is ready only once Redis has loaded its data; INFO is answered before.
  redis.on('connect', () => {
    redis.info('persistence').then(
      (info) => {
        if (/^loading:1/m.test(info)) reason = 'LOADING'
      },
      () => {},
    )
  })
  redis.on('ready', () => {
    reason = 'the connection was lost'
  })
  return () => new Error(`Redis is not connected${reason === '' ? '' : `: ${reason}`}`)
}
