import type { InfoHash } from '../../wire/info-hash.ts'
import type { RedisClient } from '../client.ts'
import type { Keys } from '../keys.ts'
import type { List, ListEntry, ListOutcome } from '../list.ts'
import { makePasskeyStore, type Passkey } from '../passkeys.ts'
import { untilValue } from '../until.ts'
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

/** Takes over names of a list whose values are until when they are good; those that are over are left out. */
export const makeUntilImport =
  (list: List, { nowS }: ImportTarget): Importer<ListEntry> =>
  async (items) => {
    const good = items.filter(([, until]) => untilValue(until) > nowS)
    return { ...(await makeEntryImport(list)(good)), expired: items.length - good.length }
  }

/** Takes over names of a list with their values. */
export const makeEntryImport =
  (list: List): Importer<ListEntry> =>
  async (items) => {
    const outcomes = await list.put(items)
    const countOf = (wanted: ListOutcome): number => outcomes.filter((outcome) => outcome === wanted).length
    return { added: countOf('new'), changed: countOf('changed'), unchanged: countOf('same') }
  }

const outcomeOf = (all: number, good: number, other: number, added: number): Partial<Outcome> => ({
  ...{ added, changed: other - added, unchanged: good - other, expired: all - good },
})
