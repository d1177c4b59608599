import type { PasskeyState } from '../swarm/access.ts'
import type { RedisClient } from './client.ts'
import type { Keys } from './keys.ts'
import { makePasskeyStore } from './passkeys.ts'
import { readUntil } from './until.ts'

/** Changes that are looked up one by one; past that, all passkeys are read again. */
export const PENDING_MAX = 10_000

/** A frontend's own copy of the passkeys, kept up with Redis: nothing is asked of it on the way of an announce. */
export type PasskeyCopy = {
  stateOf: (passkey: string) => PasskeyState
  /** Reads what has changed, or all of them where changes were missed. To be called again and again. */
  refresh: () => Promise<void>
}

/**
 * Makes the copy and fills it. `subscriber` is a connection of its own, since one that listens can ask nothing else: what
 * it hears is looked up at once; `refresh` makes good what it could not hear.
 */
export async function makePasskeyCopy({
  redis,
  subscriber,
  keys,
  nowS,
  onProblem,
}: {
  redis: RedisClient
  subscriber: RedisClient
  keys: Keys
  /** Seconds since the epoch by the clock that all frontends share. */
  nowS: () => number
  onProblem: (error: unknown) => void
}): Promise<PasskeyCopy> {
  const store = makePasskeyStore({ redis, keys })
  let known = new Map<string, number | undefined>()
  let version = -1
  let isBehind = true
  const pending = new Set<string>()
  let current: Promise<void> | undefined

  const put = (passkey: string, text: string | null): void => {
    if (text === null) known.delete(passkey)
    else known.set(passkey, readUntil(text))
  }

  const readPending = async (): Promise<void> => {
    const passkeys = [...pending]
    if (passkeys.length === 0) return
    // What is heard of them from here on is newer than the answer may be, and is looked up again.
    pending.clear()
    try {
      const texts = await redis.hmget(keys.passkeys, ...passkeys)
      for (const [i, passkey] of passkeys.entries()) put(passkey, texts[i] ?? null)
    } catch (error) {
      for (const passkey of passkeys) pending.add(passkey)
      throw error
    }
  }

  const readAll = async (): Promise<void> => {
    const all = new Map<string, number | undefined>()
    pending.clear()
    try {
      // What changes from here on is heard, or seen by the version at the next refresh.
      version = Number((await redis.get(keys.passkeysVersion)) ?? 0)
      isBehind = false
      for await (const some of store.scan()) for (const { passkey, validUntilS } of some) all.set(passkey, validUntilS)
    } catch (error) {
      isBehind = true
      throw error
    }
    known = all
    await readPending()
  }

  const update = async (): Promise<void> => {
    if (isBehind) await readAll()
    else await readPending()
  }

  /** One at a time: what is heard meanwhile has its turn after. */
  const run = (): Promise<void> => {
    current ??= update().finally(() => {
      current = undefined
    })
    return current
  }

  subscriber.on('message', (channel, message: string) => {
    if (channel !== keys.passkeyChanges) return
    const [number = '', passkey = ''] = message.split(' ')
    if (Number(number) > version + 1 || pending.size >= PENDING_MAX) isBehind = true
    version = Math.max(version, Number(number))
    pending.add(passkey)
    Promise.resolve(current)
      .catch(() => {})
      .then(run)
      .catch(onProblem)
  })
  // A Redis that was away may be back without the last that was heard of it, and count its changes on from there.
  subscriber.on('ready', () => {
    isBehind = true
  })
  await subscriber.subscribe(keys.passkeyChanges)
  await run()

  return {
    stateOf(passkey) {
      const until = known.get(passkey)
      if (until === undefined) return known.has(passkey) ? 'valid' : 'unknown'
      return until > nowS() ? 'valid' : 'expired'
    },
    async refresh() {
      const now = Number((await redis.get(keys.passkeysVersion)) ?? 0)
      if (now !== version) isBehind = true
      // What was heard and is being looked up is a change, too.
      if (isBehind || pending.size > 0 || current !== undefined) await run()
    },
  }
}
