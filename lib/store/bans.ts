import { OperatorError } from '../errors.ts'
import type { Ban } from '../swarm/bans.ts'
import { networkText, parseNetwork } from '../wire/network.ts'
import type { RedisClient } from './client.ts'
import type { Keys } from './keys.ts'
import { readUntil, writeUntil } from './passkeys.ts'
import { loadScript, runScript } from './scripts.ts'

/** Bans at most: each frontend keeps all of them, 200 bytes each. */
export const BANS_MAX = 100_000
/** Bans in one answer of Redis, about. */
const SCAN_COUNT = 1000

/** The addresses and networks that are banned, in Redis. */
export type BanStore = {
  /** Bans a network, or changes until when; whether it is new. Throws an OperatorError past `BANS_MAX`. */
  put: (ban: Ban) => Promise<boolean>
  /** Whether it was there. */
  remove: (network: Ban['network']) => Promise<boolean>
  /** All, in no order. */
  all: () => Promise<Ban[]>
  /** Grows with each change. */
  version: () => Promise<string>
  /** Removes those that are over; ends early where it is told to stop. Answers how many. */
  removeExpired: (nowS: number, isStopping: () => boolean) => Promise<number>
}

/** The bans in a Redis. */
export function makeBanStore({ redis, keys }: { redis: RedisClient; keys: Keys }): BanStore {
  const script = loadScript('change_ban')
  const change = async (network: string, until: number | '', was = ''): Promise<number> =>
    (await runScript(redis, script, [keys.bans, keys.bansVersion], [network, until, BANS_MAX, was])) as number

  async function* scanTexts(): AsyncIterable<[network: string, until: string]> {
    let cursor = '0'
    do {
      const [next, fields] = await redis.hscan(keys.bans, cursor, 'COUNT', SCAN_COUNT)
      for (let i = 0; i < fields.length; i += 2) yield [fields[i] as string, fields[i + 1] as string]
      cursor = next
    } while (cursor !== '0')
  }

  return {
    async put({ network, untilS }) {
      const done = await change(networkText(network), writeUntil(untilS))
      if (done >= 0) return done === 1
      throw new OperatorError(
        `there are ${BANS_MAX.toLocaleString('en-US')} bans already, which is the most: remove some, or ban whole networks`,
      )
    },
    remove: async (network) => (await change(networkText(network), '')) === 1,
    async all() {
      const bans = new Map<string, Ban>()
      for await (const [text, until] of scanTexts()) {
        const network = parseNetwork(text)
        // What somebody else wrote and is no network bans nobody.
        if (network) bans.set(text, { network, untilS: readUntil(until) })
      }
      return [...bans.values()]
    },
    version: async () => (await redis.get(keys.bansVersion)) ?? '',
    async removeExpired(nowS, isStopping) {
      let removed = 0
      for await (const [text, until] of scanTexts()) {
        if (isStopping()) return removed
        if ((readUntil(until) ?? Number.POSITIVE_INFINITY) > nowS) continue
        removed += await change(text, '', until)
      }
      return removed
    },
  }
}
