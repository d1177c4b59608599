import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify'
import type { ApiToken } from '../../lib/config/tokens.ts'
import type { Counters } from '../../lib/observe/counters.ts'
import type { Logger } from '../../lib/observe/log.ts'
import type { AccountReader } from '../../lib/store/accounts.ts'
import type { List } from '../../lib/store/list.ts'
import type { Listing } from '../../lib/store/listing.ts'
import type { PasskeyStore } from '../../lib/store/passkeys.ts'
import type { SwarmReader } from '../../lib/store/reader.ts'
import type { Whitelist } from '../../lib/store/whitelist.ts'
import type { Endpoint } from '../../lib/wire/endpoint.ts'
import type { NetworkRows } from '../../lib/wire/network-table.ts'
import type { PrefixRows } from '../../lib/wire/prefix-rows.ts'
import type { Attempts } from './attempts.ts'
import type { V2Parts } from './v2/context.ts'
import type { Slots } from './v2/slots.ts'

/** A list that operators keep: to change, and as it is, in order. */
export type KeptList<Rows> = Pick<List, 'put' | 'remove' | 'find'> & { read: () => Promise<Rows> }

/** What the API reads from and writes to. */
export type ApiContext = {
  reader: SwarmReader
  listing: Pick<Listing, 'page' | 'counts'>
  whitelist: Pick<Whitelist, 'add' | 'remove' | 'has' | 'after'>
  passkeys: Pick<PasskeyStore, 'put' | 'remove' | 'scan' | 'find'>
  bans: KeptList<NetworkRows>
  denied: KeptList<PrefixRows>
  clients: KeptList<PrefixRows>
  accounts: AccountReader
  accountSlots: Slots
  makePasskey: () => string
  stats: () => Promise<Counters>
  isHealthy: () => boolean
  tokens: readonly ApiToken[]
  attempts: Attempts
  /** Whether somebody is a trusted proxy, which says where clients are. */
  isProxy: (source: Endpoint) => boolean
  /** Milliseconds since the epoch, by this machine's clock. */
  nowMs: () => number
  /** Milliseconds since this process started, whatever that clock is set to. */
  uptimeMs: () => number
  /** Seconds since the epoch, by the clock that all frontends share. */
  nowS: () => number
  log: Logger
  /** What only v2 reads from. */
  v2: V2Parts
}

/** An app whose handlers' types follow from the schemas. */
export type ApiApp = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

declare module 'fastify' {
  interface FastifyContextConfig {
    /** That a route answers with secrets, and so only to an admin's token, though it changes nothing. */
    isSecret?: boolean
  }
  interface FastifyRequest {
    /** Whose token came with the request; undefined where none is asked for. */
    holder: ApiToken | undefined
  }
}
