import { isRedisReply, messageOf, OperatorError } from '../lib/errors.ts'
import { refusalText } from '../lib/store/advice.ts'

/** How a command ends that Redis left unanswered, or whose connection was lost meanwhile. */
const IS_UNANSWERED = /^(?:Command timed out|Connection is closed|Reached the max retries per request limit)/

/** What to tell of a start that failed. What Redis answers, out of memory or disk, or does not answer, is the operator's too. */
export function startProblem(error: unknown): string {
  if (error instanceof OperatorError) return error.message
  if (isRedisReply(error)) return `Redis refuses to serve: ${refusalText(error)}`
  const message = messageOf(error)
  if (IS_UNANSWERED.test(message))
    return `Redis left the start without an answer: ${message}\n  is it hung, or overloaded? \`redswarm doctor\` tells more; then start again`
  return (error as Error).stack ?? message
}
