import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyError, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { isRedisReply, messageOf } from '../../lib/errors.ts'

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

/** What was given, as JSON, cut where it is long. */
export function shown(given: unknown): string {
  const text = typeof given === 'string' ? given : (JSON.stringify(given) ?? 'nothing')
  return typeof given === 'string' ? JSON.stringify(cut(text)) : cut(text)
}

/** As much of a text as is shown. */
export const cut = (text: string): string => text.slice(0, SHOWN_CHARS_MAX)

const ErrorReply = Type.Object({ error: Type.Object({ code: Type.String(), message: Type.String() }) })

/** What every route may answer beside its own. */
export const ERROR_REPLIES = { '4xx': ErrorReply, '5xx': ErrorReply }

/** An error as its body. */
export const errorBody = (code: string, message: string) => ({ error: { code, message } })

/** What the caller is told of an error. */
export function toldOf(error: FastifyError & RedisError, request: FastifyRequest): ApiError {
  const { statusCode = 500 } = error
  if (error instanceof ApiError) return error
  if (statusCode < 500) return refusedBody(statusCode, error, request)
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
const isAway = ({ name, message, syscall }: FastifyError & RedisError): boolean =>
  syscall !== undefined ||
  ['MaxRetriesPerRequestError', 'AbortError'].includes(name) ||
  /^(Command timed out|Connection is closed|Stream isn't writeable|connect ETIMEDOUT|Socket timeout)/.test(message)

const BROKEN: Record<string, [status: number, code: string, message: string]> = {
  HPE_HEADER_OVERFLOW: [431, 'headers_too_large', 'the URL and the headers are too long'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'request_timeout', 'the request took too long to arrive'],
}

/** Answers a request that is no HTTP, or that did not come to its end: there is nothing but a socket to answer on. */
export function answerBroken({ code = '' }: { code?: string }, socket: Socket): void {
  if (code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const [status, name, message] = BROKEN[code] ?? [400, 'bad_request', 'the request is not HTTP']
  const body = JSON.stringify(errorBody(name, message))
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  )
}
