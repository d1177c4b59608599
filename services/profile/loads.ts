import { setTimeout as sleep } from 'node:timers/promises'
import type { Lifecycle } from '../../lib/lifecycle.ts'
import { runApiLoad } from './api-load.ts'
import type { RequestCounts } from './paths.ts'
import { openStore, type StoreSize, SWEEPER_SETTINGS } from './store-load.ts'
import { API_TOKEN, type LoadRun, type ProfiledRole, type ProfiledTracker, runLoad } from './tracker.ts'

/** What a load had answered, in all and by kind. `of` says what `responses` are. */
export type LoadOutcome = { responses: number; errors: number; requests: RequestCounts; of: string }

/** A load in its measured seconds. */
export type Loading = { done: Promise<unknown>; outcome: () => Promise<LoadOutcome> }

/** What loads a role: `start` fills the store at first, and answers when the measured seconds begin. */
export type RoleLoad = { start: (seconds: number) => Promise<Loading> }

/** Settings of a role beside those of each profile. */
export const settingsOf = (role: ProfiledRole): Record<string, string> => (role === 'sweeper' ? SWEEPER_SETTINGS : {})

/** A clock that only goes forward. */
const nowMs = (): number => performance.now()
/** A sweeper begins once it has something to sweep. */
const SWEEPER_START_MS = 3000

/** The load of a role. */
export async function makeLoadOf(
  role: ProfiledRole,
  tracker: ProfiledTracker,
  size: StoreSize,
  lifecycle: Lifecycle,
): Promise<RoleLoad> {
  if (role === 'udp' || role === 'http') return trackerLoad(role, tracker, size, lifecycle)
  const store = await openStore(tracker.redisUrl, size)
  lifecycle.onStop('store', store.close)
  return role === 'api' ? apiLoad(tracker, size, store.fill) : sweeperLoad(store)
}

function trackerLoad(
  role: 'udp' | 'http',
  { url }: ProfiledTracker,
  { torrents, peers }: StoreSize,
  lifecycle: Lifecycle,
): RoleLoad {
  let isFilled = false
  return {
    async start(seconds) {
      const size = ['--torrents', String(torrents), '--peers', String(peers)]
      const fill = isFilled ? ['--no-fill'] : []
      const load: LoadRun = runLoad([role, url, '--seconds', String(seconds), ...size, ...fill])
      lifecycle.onStop('load', load.stop)
      await load.loading
      isFilled = true
      return {
        done: load.loaded,
        async outcome() {
          const { responses, errors, lost, connects, announces, scrapes } = await load.result
          const requests = { connect: connects, announce: announces, scrape: scrapes }
          return { responses, errors: errors + lost, requests, of: 'responses' }
        },
      }
    },
  }
}

function apiLoad({ url }: ProfiledTracker, { torrents }: StoreSize, fill: () => Promise<void>): RoleLoad {
  return {
    async start(seconds) {
      await fill()
      const result = runApiLoad({ url, token: API_TOKEN, torrents, seconds, nowMs })
      result.catch(() => {}) // whoever waits for it is told
      return {
        done: result,
        async outcome() {
          const { requests, errors } = await result
          const responses = Object.values(requests).reduce((sum, count) => sum + count, 0)
          return { responses, errors, requests, of: 'responses' }
        },
      }
    },
  }
}

function sweeperLoad(store: Awaited<ReturnType<typeof openStore>>): RoleLoad {
  return {
    async start(seconds) {
      const refill = store.refill()
      await sleep(SWEEPER_START_MS)
      const [before, writtenBefore] = [await store.peers(), refill.written()]
      const countRemoved = async () => before + refill.written() - writtenBefore - (await store.peers())
      const removed = sleep(seconds * 1000).then(countRemoved)
      removed.catch(() => {}) // whoever waits for it is told
      return {
        done: removed,
        async outcome() {
          await refill.stop()
          return { responses: Math.max(0, await removed), errors: 0, requests: {}, of: 'peers removed' }
        },
      }
    },
  }
}
