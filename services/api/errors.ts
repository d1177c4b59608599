import type { FastifyError, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { isRedisReply, messageOf, OperatorError } from '../../lib/errors.ts'

export { errorBody } from '../../lib/http-server-guard.ts'

/** Longest body that is read: a key and its seconds have 100 bytes. */
export const BODY_BYTES_MAX = 64 * 1024
/** Of what a caller gave, an error shows so much. */
const SHOWN_CHARS_MAX = 80

/** An error whose code and message the caller is told. */
export class ApiError extends Error {
  readonly statusCode: number
  readonly code: string
  constructor(statusCode: number, code: string, message: string) {
    super(message)
    this.statusCode = statusCode
    this.code = code
  }
}

/** A field of a path or a query that is wrong: named, with what it may be and what was given. */
export const badField = (name: string, allowed: string, given: unknown): ApiError =>
  new ApiError(400, 'bad_request', `${name} must be ${allowed}, not ${shown(given)}`)

/** Throws what has gone wrong: a list that is full is a conflict. */
export function conflictOf(error: unknown): never {
  throw error instanceof OperatorError ? new ApiError(409, 'conflict', error.message) : error
}

/** What was given, as JSON, cut where it is long. */
export function shown(given: unknown): string {
  if (typeof given === 'string') return JSON.stringify(cut(given))
  // JSON has no number as large as 1e400, which is read as infinite.
  if (typeof given === 'number') return String(given)
  try {
    return cut(JSON.stringify(given) ?? 'nothing')
  } catch {
    // It is written by recursion, and what is given may be lists in lists in lists.
    return 'what is nested so deep'
  }
}

/** As much of a text as is shown. */
export const cut = (text: string): string => text.slice(0, SHOWN_CHARS_MAX)

const ErrorReply = Type.Object({ error: Type.Object({ code: Type.String(), message: Type.String() }) })

/** What every route may answer beside its own. */
export const ERROR_REPLIES = { '4xx': ErrorReply, '5xx': ErrorReply }

/** What the caller is told of an error. */
export function toldOf(error: FastifyError & RedisError, request: FastifyRequest): ApiError {
  const { statusCode = 500 } = error
  if (error instanceof ApiError) return error
  // A path that leads out of the folder of the docs' files.
  if (statusCode === 403) return new ApiError(404, 'not_found', 'there is no such file')
  if (statusCode < 500) return refusedBody(statusCode, error, request)
  return faultOf(error)
}

/** What is told of a failure that is not the caller's. */
export function faultOf(error: Error & RedisError): ApiError {
  if (error instanceof ApiError) return error
  if (isAway(error)) return new ApiError(503, 'store_unavailable', AWAY)
  if (!isRedisReply(error)) return new ApiError(500, 'internal_error', 'the tracker has failed; its log says why')
  return new ApiError(500, 'store_error', `Redis answers with an error: ${messageOf(error)}`)
}

const AWAY = 'the tracker cannot reach its Redis; try again later'

/** What the server refuses by itself: bodies that it does not read. */
function refusedBody(statusCode: number, error: FastifyError, { headers }: FastifyRequest): ApiError {
  if (statusCode === 413) {
    return new ApiError(413, 'body_too_large', `the body must not be longer than ${BODY_BYTES_MAX} bytes`)
  }
  if (statusCode === 415) {
    const given = headers['content-type']
    const allowed = 'content-type must be application/json'
    return new ApiError(415, 'unsupported_media_type', given ? `${allowed}, not ${shown(given)}` : allowed)
  }
  return new ApiError(statusCode, 'bad_request', `the body cannot be read: ${error.message}`)
}

/** What the Redis client's errors may have beside a message. */
type RedisError = { syscall?: string }

/** Whether Redis did not answer. Most of what its client then throws has no class and no code of its own. */
const isAway = ({ name, message, syscall }: Error & RedisError): boolean =>
  syscall !== undefined || ['MaxRetriesPerRequestError', 'AbortError'].includes(name) || AWAY_MESSAGES.test(message)

/** Those of a Cluster, of which one master may be away, are the last. */
const AWAY_MESSAGES =
  /^(?:Command timed out|Connection is closed|Stream isn't writeable|connect ETIMEDOUT|Socket timeout|Redis is not connected|Redis did not answer|Failed to refresh slots cache|Too many Cluster redirections|no master of the Cluster)/
