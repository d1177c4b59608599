import type { BanCheck } from '../swarm/bans.ts'
import { makeBanCheck } from '../swarm/bans.ts'
import type { BanStore } from './bans.ts'

/** A frontend's copy of the bans. */
export type BanCopy = {
  isBanned: BanCheck
  /** Reads the bans anew where one has changed; called twice a second, a change is effective within one. */
  refresh: () => Promise<void>
}

/** The copy, read once. While Redis is away it stays as it is. */
export async function makeBanCopy(store: Pick<BanStore, 'all' | 'version'>, nowS: () => number): Promise<BanCopy> {
  let check = makeBanCheck([], nowS)
  let known: string | undefined
  let current: Promise<void> | undefined
  const read = async (): Promise<void> => {
    // Asked before the read: a change meanwhile is read again the next time.
    const version = await store.version()
    if (version === known) return
    check = makeBanCheck(await store.all(), nowS)
    known = version
  }
  const refresh = (): Promise<void> => {
    current ??= read().finally(() => {
      current = undefined
    })
    return current
  }
  await refresh()
  return { isBanned: (endpoint) => check(endpoint), refresh }
}
