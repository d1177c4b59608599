/** An error whose message says to the operator what is wrong, where, and what to do: it is shown without a stack. */
export class OperatorError extends Error {
  override readonly name = 'OperatorError'
}

/** The message of anything that was thrown; of an error that Redis answered, with the command and the keys it was about. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return isRedisReply(error) && error.command ? `${error.message} (${shownCommand(error.command)})` : error.message
}

/** Whether an error is what Redis answered, not that it could not be asked. */
export const isRedisReply = (error: unknown): error is RedisReplyError =>
  error instanceof Error && error.name === 'ReplyError'

/** Keys of a script that are shown: enough to tell what it was about. */
const KEYS_SHOWN = 3

type RedisCommand = { name: string; args: readonly unknown[] }
type RedisReplyError = Error & { command?: RedisCommand }

/** A command and its first key, or a script's keys: the rest may be long (the script itself), binary or secret. Of AUTH all is secret. */
function shownCommand({ name, args }: RedisCommand): string {
  if (/^(?:auth|hello)$/i.test(name)) return name.toUpperCase()
  const isScript = /^(?:fcall|eval)/i.test(name)
  const keys = isScript ? args.slice(2, 2 + Number(args[1])) : args.slice(0, 1)
  const more = keys.length > KEYS_SHOWN ? ['...'] : []
  return [name.toUpperCase(), ...keys.slice(0, KEYS_SHOWN), ...more].join(' ')
}
