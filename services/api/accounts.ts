import { Readable } from 'node:stream'
import Type from 'typebox'
import type { AccountReader } from '../../lib/store/accounts.ts'
import type { Passkey, PasskeyStore } from '../../lib/store/passkeys.ts'
import { isPasskey, PASSKEY_CHARS } from '../../lib/swarm/access.ts'
import type { ApiApp } from './context.ts'
import { DONE, Done } from './done.ts'
import { ApiError, badField, ERROR_REPLIES } from './errors.ts'
import { dropWhenStuck, type Slots } from './v2/slots.ts'

/** What telling of passkeys needs. */
export type AccountsContext = {
  passkeys: Pick<PasskeyStore, 'scan' | 'find'>
  accounts: AccountReader
  /** For those who read all accounts: shared by all addresses that the API listens on. */
  accountSlots: Slots
}

/** Readers of all accounts at once: each holds all of them until its client has them. */
export const ACCOUNT_READERS_MAX = 2
/** Passkeys in a page at most: 80 kB of JSON. */
const PAGE_MAX = 1000

const KeyBody = { key: Type.String(), valid_until: Type.Union([Type.Integer(), Type.Null()]) }
/** Written digit by digit, exact also where a number of JavaScript is not. */
const Bytes = Type.Unsafe<bigint>(Type.Integer({ minimum: 0 }))

/** The passkeys of a private tracker and what was moved with them. They are secrets: for admins only. */
export function registerAccounts(app: ApiApp, context: AccountsContext): void {
  registerPage(app, context)
  registerOne(app, context)
  registerAll(app, context)
  registerRemove(app, context)
}

const config = { isSecret: true }

/** `GET /api/v2/keys`: pages of passkeys. Without what was moved: to look that up for each would hold Redis up. */
function registerPage(app: ApiApp, { passkeys }: AccountsContext): void {
  const schema = {
    summary: 'The passkeys in order, by pages',
    querystring: Type.Object({
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: PAGE_MAX, default: PAGE_MAX })),
      cursor: Type.Optional(Type.String()),
    }),
    response: {
      200: Type.Object({ keys: Type.Array(Type.Object(KeyBody)), cursor: Type.Union([Type.String(), Type.Null()]) }),
      ...ERROR_REPLIES,
    },
  }
  app.get('/api/v2/keys', { schema, config }, async ({ query: { limit = PAGE_MAX, cursor } }) => {
    const found = await passkeysAfter(passkeys, cursor === undefined ? '' : readCursor(cursor), limit + 1)
    const page = found.slice(0, limit)
    const last = found.length > limit ? page.at(-1) : undefined
    return { keys: page.map(keyBody), cursor: last === undefined ? null : writeCursor(last.passkey) }
  })
}

/** `GET /api/v2/keys/:key`: one, with what was moved with it. */
function registerOne(app: ApiApp, { passkeys, accounts }: AccountsContext): void {
  const schema = {
    summary: 'A passkey, with the bytes that were moved with it',
    params: Type.Object({ key: Type.String() }),
    response: { 200: Type.Object({ ...KeyBody, uploaded: Bytes, downloaded: Bytes }), ...ERROR_REPLIES },
  }
  app.get('/api/v2/keys/:key', { schema, config }, async ({ params: { key } }) => {
    assertKey(key)
    const [passkey] = await passkeys.find([key])
    if (!passkey) throw new ApiError(404, 'not_found', 'key not known')
    return { ...keyBody(passkey), ...(await accounts.of(key).catch(tellDamage)) }
  })
}

/** `GET /api/v2/accounts`: what was moved with all of them, also those that have gone since. */
function registerAll(app: ApiApp, { accounts, accountSlots }: AccountsContext): void {
  const schema = {
    summary: 'The bytes that were moved with each passkey: JSON, one a line, in no order',
    response: {
      200: { description: 'Lines', content: { 'application/x-ndjson': { schema: Type.String() } } },
      ...ERROR_REPLIES,
    },
  }
  app.get('/api/v2/accounts', { schema, config }, async (_, reply) => {
    const giveBack = accountSlots.take()
    if (!giveBack) throw new ApiError(503, 'busy', `${accountSlots.max} read all accounts already`)
    const entries = accounts.all()[Symbol.asyncIterator]()
    // All is read before the first is told: an error is told as one, and not by an answer that breaks off.
    const reading = entries.next()
    // A client that leaves early does not end the reading.
    reply.raw.once('close', () => reading.then(giveBack, giveBack))
    dropWhenStuck(reply.raw)
    const first = await reading.catch(tellDamage)
    async function* lines(): AsyncIterable<string> {
      for (let next = first; !next.done; next = await entries.next()) {
        const [passkey, { uploaded, downloaded }] = next.value
        yield `{"key":${JSON.stringify(passkey)},"uploaded":${uploaded},"downloaded":${downloaded}}\n`
      }
    }
    return reply.type('application/x-ndjson').send(Readable.from(lines()) as never)
  })
}

/** `DELETE /api/v2/accounts/:key`. Not while the key is there: its numbers only grow, and sites go by that. */
function registerRemove(app: ApiApp, { passkeys, accounts }: AccountsContext): void {
  const schema = {
    summary: 'Delete the account of a passkey that has gone',
    params: Type.Object({ key: Type.String() }),
    response: { 200: Done, ...ERROR_REPLIES },
  }
  app.delete('/api/v2/accounts/:key', { schema }, async ({ params: { key } }) => {
    assertKey(key)
    const [passkey] = await passkeys.find([key])
    if (passkey) throw new ApiError(409, 'conflict', 'the key is there: remove it first')
    await accounts.remove(key)
    return DONE
  })
}

function assertKey(key: string): void {
  if (!isPasskey(key)) throw badField('key', `${PASSKEY_CHARS} letters and digits`, key)
}

const keyBody = ({ passkey, validUntilS }: Passkey) => ({ key: passkey, valid_until: validUntilS ?? null })

/**
 * The next passkeys after one, in order. All are read for that, as every frontend does when it starts: 0.7 ms of Redis
 * for a thousand. So a page is right whatever was added and removed since the one before.
 */
async function passkeysAfter(store: Pick<PasskeyStore, 'scan'>, after: string, count: number): Promise<Passkey[]> {
  const found = new Map<string, Passkey>()
  for await (const some of store.scan()) {
    for (const each of some) if (each.passkey > after) found.set(each.passkey, each)
  }
  return [...found.values()].sort((a, b) => (a.passkey < b.passkey ? -1 : 1)).slice(0, count)
}

const writeCursor = (passkey: string): string => Buffer.from(passkey).toString('base64url')

function readCursor(text: string): string {
  const passkey = Buffer.from(text, 'base64url').toString()
  if (passkey !== '' && writeCursor(passkey) === text) return passkey
  throw badField('cursor', 'one that a page before has answered', text)
}

function tellDamage(error: Error): never {
  throw error.message.startsWith('damaged') ? new ApiError(500, 'store_damaged', error.message) : error
}
