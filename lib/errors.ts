/** An error whose message says to the operator what is wrong, where, and what to do: it is shown without a stack. */
export class OperatorError extends Error {
  override readonly name = 'OperatorError'
}

/** The message of anything that was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
