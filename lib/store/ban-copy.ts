import type { BanCheck } from '../swarm/bans.ts'
import { makeBanCheck } from '../swarm/bans.ts'
import type { BanStore } from './bans.ts'

/**
 * How long the next read waits for, a ban: ten times what one takes a frontend (4 µs, and 0.7 µs of Redis), so that a long
 * list that changes each second takes no core of either.
 */
const REST_MS_PER_BAN = 0.04

/** A frontend's copy of the bans. */
export type BanCopy = {
  isBanned: BanCheck
  /**
   * Reads the bans anew where one has changed; called twice a second, a change is effective within one. One that follows
   * another may take longer where there are more than 10,000: 5 s where there are most.
   */
  refresh: () => Promise<void>
}

/** The copy, read once. While Redis is away it stays as it is. */
export async function makeBanCopy(store: Pick<BanStore, 'all' | 'version'>, nowS: () => number): Promise<BanCopy> {
  let check = makeBanCheck([], nowS)
  let known: string | undefined
  let restUntilMs = 0
  let current: Promise<void> | undefined
  const read = async (): Promise<void> => {
    if (performance.now() < restUntilMs) return
    // Asked before the read: a change meanwhile is read again the next time.
    const version = await store.version()
    if (version === known) return
    const bans = await store.all()
    check = makeBanCheck(bans, nowS)
    known = version
    restUntilMs = performance.now() + bans.length * REST_MS_PER_BAN
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
