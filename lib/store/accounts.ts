import type { RedisClient } from './client.ts'
import { type Keys, shardNames } from './keys.ts'

/** Bytes that the peers of a passkey have moved. */
export type Account = { uploaded: bigint; downloaded: bigint }

/**
 * Reads what passkeys have moved. Each number only grows, so that a sum is never less than one read before, until the
 * account is deleted.
 */
export type AccountReader = {
  of: (passkey: string) => Promise<Account>
  /** Of all who have moved anything, in no order: for many at once this is cheaper than one by one, by far. */
  all: () => AsyncIterable<[passkey: string, account: Account]>
  /** Deletes the account of a passkey that has gone. An announce that a frontend still lets through begins another. */
  remove: (passkey: string) => Promise<void>
}

/** Shards asked for one passkey in one round trip: 10 µs of Redis each, and 1.3 ms together, in which announces wait. */
const SHARDS_AT_ONCE = 128
/** Shards that are read whole at once: up to 0.7 ms of Redis for an answer. */
const SCANS_AT_ONCE = 4
/** Fields in one answer, about. */
const SCAN_COUNT = 1000
const FIELD = /^(.*):(up|down)$/s

/** The reader of the accounts in a Redis: those of all shards, added up. */
export function makeAccountReader({ redis, keys }: { redis: RedisClient; keys: Keys }): AccountReader {
  const names = shardNames().map(keys.accounts)

  return {
    async of(passkey) {
      const account = emptyAccount()
      for (let at = 0; at < names.length; at += SHARDS_AT_ONCE) {
        const some = names.slice(at, at + SHARDS_AT_ONCE)
        const answers = await Promise.all(some.map((name) => redis.hmget(name, `${passkey}:up`, `${passkey}:down`)))
        for (const [i, [up, down]] of answers.entries()) {
          account.uploaded += readAmount(up, some[i])
          account.downloaded += readAmount(down, some[i])
        }
      }
      return account
    },
    async *all() {
      const accounts = new Map<string, Account>()
      const left = names.values()
      const work = async (): Promise<void> => {
        for (const name of left)
          for (const [field, text] of await readAccountFields(redis, name)) addTo(accounts, field, text, name)
      }
      await Promise.all(Array.from({ length: SCANS_AT_ONCE }, work))
      yield* accounts
    },
    async remove(passkey) {
      for (let at = 0; at < names.length; at += SHARDS_AT_ONCE) {
        const some = names.slice(at, at + SHARDS_AT_ONCE)
        await Promise.all(some.map((name) => redis.hdel(name, `${passkey}:up`, `${passkey}:down`)))
      }
    },
  }
}

/** The fields of one shard's accounts. HSCAN may give one twice where the hash changes meanwhile: it must not count twice. */
export async function readAccountFields(redis: RedisClient, name: string): Promise<Map<string, string>> {
  const amounts = new Map<string, string>()
  let cursor = '0'
  do {
    const [next, fields] = await redis.hscan(name, cursor, 'COUNT', SCAN_COUNT)
    for (let i = 0; i + 1 < fields.length; i += 2) amounts.set(fields[i] as string, fields[i + 1] as string)
    cursor = next
  } while (cursor !== '0')
  return amounts
}

/** Whose a field is, and which way what it counts went; undefined where it is somebody else's. */
export function accountField(field: string): { passkey: string; way: 'up' | 'down' } | undefined {
  const [, passkey, way] = FIELD.exec(field) ?? []
  return passkey === undefined ? undefined : { passkey, way: way as 'up' | 'down' }
}

const emptyAccount = (): Account => ({ uploaded: 0n, downloaded: 0n })

function addTo(accounts: Map<string, Account>, field: string, text: string, name: string): void {
  const found = accountField(field)
  if (!found) return
  const account = accounts.get(found.passkey) ?? emptyAccount()
  account[found.way === 'up' ? 'uploaded' : 'downloaded'] += readAmount(text, name)
  accounts.set(found.passkey, account)
}

/** What was moved in one shard; an amount that no announce wrote is told, not passed over: a sum must be right. */
function readAmount(text: string | null | undefined, name: string | undefined): bigint {
  if (text === null || text === undefined) return 0n
  if (!/^\d{1,19}$/.test(text)) throw new Error(`damaged ${name}: it holds what is no amount`)
  return BigInt(text)
}
