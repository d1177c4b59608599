import type { Ban } from '../../swarm/bans.ts'
import type { InfoHash } from '../../wire/info-hash.ts'
import { networkText } from '../../wire/network.ts'
import { makeBanStore } from '../bans.ts'
import type { RedisClient } from '../client.ts'
import type { Keys } from '../keys.ts'
import { makePasskeyStore, type Passkey, readUntil } from '../passkeys.ts'
import { makeWhitelist } from '../whitelist.ts'
import type { Outcome } from './outcome.ts'

/** Where something is imported to, and when: seconds since the epoch by Redis's clock. */
export type ImportTarget = { redis: RedisClient; keys: Keys; nowS: number }

/** Takes over some items; answers what became of them, and what was wrong with some. `isDry`: only tells what would. */
export type Importer<T> = (items: readonly T[]) => Promise<Partial<Outcome> & { problems?: string[] }>

/** Adds to what is listed. */
export function makeListingImport(target: ImportTarget, isDry = false): Importer<{ infoHash: InfoHash }> {
  const whitelist = makeWhitelist(target)
  return async (items) => {
    const infoHashes = items.map(({ infoHash }) => infoHash)
    const added = isDry
      ? (await Promise.all(infoHashes.map(whitelist.has))).filter((isListed) => !isListed).length
      : await whitelist.add(infoHashes)
    return { added, unchanged: items.length - added }
  }
}

/** Takes over passkeys with until when they are valid; those that are over are left out: a tracker would only remove them. */
export function makeKeyImport(target: ImportTarget, isDry = false): Importer<Passkey> {
  const store = makePasskeyStore(target)
  return async (items) => {
    const valid = items.filter(({ validUntilS = Number.POSITIVE_INFINITY }) => validUntilS > target.nowS)
    const before = await store.find(valid.map(({ passkey }) => passkey))
    const other = valid.filter(({ validUntilS }, i) => !before[i] || before[i].validUntilS !== validUntilS)
    if (!isDry) await Promise.all(other.map(store.put))
    return outcomeOf(items.length, valid.length, other.length, before.filter((found) => !found).length)
  }
}

/** Takes over bans with until when they are good; those that are over are left out. */
export function makeBanImport(target: ImportTarget): Importer<Ban> {
  const store = makeBanStore(target)
  return async (items) => {
    const good = items.filter(({ untilS = Number.POSITIVE_INFINITY }) => untilS > target.nowS)
    const names = good.map(({ network }) => networkText(network))
    const before = names.length > 0 ? await target.redis.hmget(target.keys.bans, ...names) : []
    const other = good.filter(({ untilS }, i) => typeof before[i] !== 'string' || readUntil(before[i]) !== untilS)
    await Promise.all(other.map(store.put))
    return outcomeOf(items.length, good.length, other.length, before.filter((text) => text === null).length)
  }
}

const outcomeOf = (all: number, good: number, other: number, added: number): Partial<Outcome> => ({
  ...{ added, changed: other - added, unchanged: good - other, expired: all - good },
})
