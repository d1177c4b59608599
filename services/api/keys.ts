import Type from 'typebox'
import { isPasskey, PASSKEY_CHARS } from '../../lib/swarm/access.ts'
import type { ApiApp, ApiContext } from './context.ts'
import { DONE, Done } from './done.ts'
import { ApiError, badField, ERROR_REPLIES } from './errors.ts'

/** 317 years: who means for ever says null. */
const SECONDS_VALID_MAX = 10_000_000_000

const Key = Type.Object({
  key: Type.String(),
  valid_until: Type.Union([Type.Integer(), Type.Null()]),
  expiry_time: Type.Union([Type.String(), Type.Null()]),
})
const Seconds = Type.Integer({ minimum: 1, maximum: SECONDS_VALID_MAX })
const KEY = `${PASSKEY_CHARS} letters and digits`

/** `POST /api/v1/keys`: adds a passkey, one of the caller's or a random one, or changes until when it is valid. */
export function registerAddKey(app: ApiApp, context: ApiContext): void {
  const schema = {
    summary: 'Add a passkey, or change until when it is valid',
    body: Type.Object(
      {
        key: Type.Optional(Type.Union([Type.String(), Type.Null()])),
        seconds_valid: Type.Optional(Type.Union([Seconds, Type.Null()])),
      },
      // A name that is misspelled would make a key that is valid for ever.
      { additionalProperties: false },
    ),
    response: { 200: Key, ...ERROR_REPLIES },
  }
  app.post('/api/v1/keys', { schema }, async ({ body }) => {
    const key = body.key ?? context.makePasskey()
    if (!isPasskey(key)) throw badField('key', `${KEY}, or null`, key)
    return await addKey(context, key, body.seconds_valid ?? undefined)
  })
}

/** The paths of passkeys that have no body. */
export function registerKeys(app: ApiApp, context: ApiContext): void {
  // One name for both, as OpenAPI asks of paths that differ in nothing else; Torrust has the same.
  const path = '/api/v1/key/:seconds_valid_or_key'
  const params = Type.Object({ seconds_valid_or_key: Type.String() })
  const added = {
    summary: 'Add a random passkey; POST /api/v1/keys can do more',
    deprecated: true,
    params,
    response: { 200: Key, ...ERROR_REPLIES },
  }
  app.post(path, { schema: added }, async (request) => {
    const text = request.params.seconds_valid_or_key
    const secondsValid = /^\d{1,11}$/.test(text) ? Number(text) : 0
    if (secondsValid < 1 || secondsValid > SECONDS_VALID_MAX) {
      throw badField('seconds_valid', `an integer from 1 to ${SECONDS_VALID_MAX}`, text)
    }
    return await addKey(context, context.makePasskey(), secondsValid)
  })
  const removed = {
    summary: 'Remove a passkey',
    params,
    response: { 200: Done, ...ERROR_REPLIES },
  }
  app.delete(path, { schema: removed }, async (request) => {
    const key = request.params.seconds_valid_or_key
    if (!isPasskey(key)) throw badField('key', KEY, key)
    if (!(await context.passkeys.remove(key))) throw new ApiError(404, 'not_found', 'key not known')
    return DONE
  })
  const summary = 'Nothing needs reloading here: what changes is effective within a second'
  app.get('/api/v1/keys/reload', { schema: { summary, response: { 200: Done, ...ERROR_REPLIES } } }, async () => DONE)
}

/** Adds a passkey and answers it in Torrust's shape. */
async function addKey({ passkeys, nowS }: ApiContext, passkey: string, secondsValid: number | undefined) {
  const validUntilS = secondsValid === undefined ? undefined : Math.ceil(nowS()) + secondsValid
  await passkeys.put({ passkey, validUntilS })
  return {
    key: passkey,
    valid_until: validUntilS ?? null,
    expiry_time: validUntilS === undefined ? null : timeText(validUntilS),
  }
}

/** As Torrust writes a time of whole seconds: `2026-11-24 19:00:00 UTC`. */
const timeText = (timeS: number): string => `${new Date(timeS * 1000).toISOString().slice(0, 19).replace('T', ' ')} UTC`
