import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { loadBittorrentTracker } from '../support/bittorrent-tracker/load.ts'
import type { BittorrentTracker } from '../support/bittorrent-tracker/types.ts'
import { makeAnnouncer, scrapeMany } from './announcer.ts'
import { skipWithout } from './skip.ts'
import { withTracker } from './tracker.ts'

const TEST_MS_MAX = 60_000

const loaded = await loadBittorrentTracker().catch((error: Error) => error)
const missing = loaded instanceof Error ? `bittorrent-tracker cannot be installed: ${shortened(loaded)}` : undefined
const library = loaded as BittorrentTracker

/** Of text alone: over HTTP the library garbles a scraped info hash that is not. */
const someInfoHash = () => Buffer.from(randomBytes(10).toString('hex'))

/** Of npm's many lines the first two: the command, and the code of the error. */
function shortened({ message }: Error): string {
  return message.split('\n', 2).join(', ')
}

describe.concurrent.for(['udp', 'http'] as const)(`npm's bittorrent-tracker, over %s`, (over) => {
  it('is told of the seeder that came before it, and of the counts', { timeout: TEST_MS_MAX }, (ctx) => {
    skipWithout(ctx, missing)
    return withTracker(async ({ announceUrl }) => {
      const infoHash = someInfoHash()
      await using seeder = makeAnnouncer(library, announceUrl[over], infoHash, 50_001)
      await using leecher = makeAnnouncer(library, announceUrl[over], infoHash, 50_002)

      const toSeeder = await seeder.announce('start', 0)
      const toLeecher = await leecher.announce('start', 1000)

      expect(toSeeder).toEqual({ complete: 1, incomplete: 0, peers: [] })
      expect(toLeecher).toEqual({ complete: 1, incomplete: 1, peers: ['127.0.0.1:50001'] })
    })
  })

  it('is not told of a peer that has stopped', { timeout: TEST_MS_MAX }, (ctx) => {
    skipWithout(ctx, missing)
    return withTracker(async ({ announceUrl }) => {
      const infoHash = someInfoHash()
      await using leaver = makeAnnouncer(library, announceUrl[over], infoHash, 50_001)
      await using stayer = makeAnnouncer(library, announceUrl[over], infoHash, 50_002)
      await leaver.announce('start', 0)
      await leaver.announce('stop', 0)

      const reply = await stayer.announce('start', 1000)

      expect(reply).toEqual({ complete: 0, incomplete: 1, peers: [] })
    })
  })

  it('scrapes several torrents at once, one of them completed', { timeout: TEST_MS_MAX }, (ctx) => {
    skipWithout(ctx, missing)
    return withTracker(async ({ announceUrl }) => {
      const [completed, started] = [someInfoHash(), someInfoHash()]
      await using finisher = makeAnnouncer(library, announceUrl[over], completed, 50_001)
      await using beginner = makeAnnouncer(library, announceUrl[over], started, 50_002)
      await finisher.announce('start', 1000)
      await finisher.announce('complete', 0)
      await beginner.announce('start', 1000)

      const counts = await scrapeMany(library, announceUrl[over], over, [completed, started])

      expect(counts[completed.toString('hex')]).toMatchObject({ complete: 1, incomplete: 0, downloaded: 1 })
      expect(counts[started.toString('hex')]).toMatchObject({ complete: 0, incomplete: 1, downloaded: 0 })
    })
  })
})
