import { describe, it } from 'vitest'
import { aria2 } from './clients/aria2.ts'
import { libtorrent } from './clients/libtorrent.ts'
import { transmission } from './clients/transmission.ts'
import { skipWithout } from './skip.ts'
import { withTracker } from './tracker.ts'
import { moveFile } from './transfer.ts'

/** More than all the deadlines in it together: one of those tells what went wrong, this one does not. */
const TEST_MS_MAX = 120_000

/** Transmission is the slowest, so it goes first: the others run beside it. */
const PAIRS = [
  [libtorrent, transmission],
  [transmission, libtorrent],
  [transmission, aria2],
  [aria2, aria2],
  [libtorrent, libtorrent],
  [aria2, libtorrent],
  [libtorrent, aria2],
] as const

describe.concurrent('a file moves between clients that know only the tracker', { timeout: TEST_MS_MAX }, () => {
  for (const [seeder, leecher] of PAIRS) {
    for (const protocol of ['udp', 'http'] as const) {
      it(`from ${seeder.name} to ${leecher.name}, over ${protocol}`, (ctx) => {
        skipWithout(ctx, seeder.missing() ?? leecher.missing())
        return withTracker((tracker) =>
          moveFile(tracker, { client: seeder, over: protocol }, { client: leecher, over: protocol }),
        )
      })
    }
  }

  it('from libtorrent that announces over udp to libtorrent that announces over http', (ctx) => {
    skipWithout(ctx, libtorrent.missing())
    return withTracker((tracker) =>
      moveFile(tracker, { client: libtorrent, over: 'udp' }, { client: libtorrent, over: 'http' }),
    )
  })
})
