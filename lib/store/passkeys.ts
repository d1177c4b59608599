import { randomInt } from 'node:crypto'
import { PASSKEY_CHARS } from '../swarm/access.ts'
import type { RedisClient } from './client.ts'
import type { Keys } from './keys.ts'
import { loadScript, runScript } from './scripts.ts'
import { readUntil, untilValue, writeUntil } from './until.ts'

/** A passkey and until when it is valid, in seconds since the epoch; undefined: for ever. */
export type Passkey = { passkey: string; validUntilS: number | undefined }

/** Passkeys in one answer of Redis, about: 0.3 ms of its time. */
const SCAN_COUNT = 1000

/** The passkeys of a private tracker, in Redis. A change is told to all frontends. */
export type PasskeyStore = {
  /** Adds a passkey, or changes until when it is valid; whether it is new. */
  put: (passkey: Passkey) => Promise<boolean>
  /** Whether it was there. */
  remove: (passkey: string) => Promise<boolean>
  /** All, some at a time, in no order; one that changes meanwhile may come twice. */
  scan: () => AsyncIterable<Passkey[]>
  /** Those of these that there are, each in its place. */
  find: (passkeys: readonly string[]) => Promise<(Passkey | undefined)[]>
  /** Removes those that are no longer valid; ends early where it is told to stop. Answers how many. */
  removeExpired: (nowS: number, isStopping: () => boolean) => Promise<number>
}

/** The passkeys in a Redis. */
export function makePasskeyStore({ redis, keys }: { redis: RedisClient; keys: Keys }): PasskeyStore {
  const script = loadScript('change_passkey')
  const change = async (passkey: string, until: number | '', ...was: string[]): Promise<boolean> => {
    const args = [keys.passkeyChanges, passkey, until, ...was]
    return (await runScript(redis, script, [keys.passkeys, keys.passkeysVersion], args)) === 1
  }

  async function* scanTexts(): AsyncIterable<[passkey: string, until: string][]> {
    let cursor = '0'
    do {
      const [next, fields] = await redis.hscan(keys.passkeys, cursor, 'COUNT', SCAN_COUNT)
      yield Array.from({ length: fields.length / 2 }, (_, i) => [fields[2 * i] as string, fields[2 * i + 1] as string])
      cursor = next
    } while (cursor !== '0')
  }

  return {
    put: ({ passkey, validUntilS }) => change(passkey, writeUntil(validUntilS)),
    remove: (passkey) => change(passkey, ''),
    async *scan() {
      for await (const some of scanTexts()) {
        yield some.map(([passkey, until]) => ({ passkey, validUntilS: readUntil(until) }))
      }
    },
    async find(passkeys) {
      if (passkeys.length === 0) return []
      const texts = await redis.hmget(keys.passkeys, ...passkeys)
      return texts.map((until, i) =>
        until === null ? undefined : { passkey: passkeys[i] as string, validUntilS: readUntil(until) },
      )
    },
    async removeExpired(nowS, isStopping) {
      let removed = 0
      for await (const some of scanTexts()) {
        for (const [passkey, until] of some) {
          if (isStopping()) return removed
          if (untilValue(until) > nowS) continue
          if (await change(passkey, '', until)) removed += 1
        }
      }
      return removed
    },
  }
}

const LETTERS_AND_DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** A passkey that nobody can foretell: 190 bits of chance. */
export const makePasskey = (): string =>
  Array.from({ length: PASSKEY_CHARS }, () => LETTERS_AND_DIGITS[randomInt(LETTERS_AND_DIGITS.length)]).join('')
