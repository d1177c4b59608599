import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify'
import type { Counters } from '../../lib/observe/counters.ts'
import type { Logger } from '../../lib/observe/log.ts'
import type { SwarmReader } from '../../lib/store/reader.ts'

/** What the API reads from. */
export type ApiContext = {
  reader: SwarmReader
  stats: () => Promise<Counters>
  isHealthy: () => boolean
  token: string
  /** Milliseconds since the epoch. */
  nowMs: () => number
  log: Logger
}

/** An app whose handlers' types follow from the schemas. */
export type ApiApp = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

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
