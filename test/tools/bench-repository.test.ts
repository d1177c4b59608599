import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { makeRandom } from '../../lib/random.ts'
import type { StoredAnnounce } from '../../lib/swarm/store.ts'
import { EVENT } from '../../lib/wire/announce.ts'
import { samplesOf, stacksOf } from '../../services/profile/stacks.ts'
import { IMPLEMENTATIONS } from '../bench/repository/implementations.ts'
import { makeGroups, SIZES } from '../bench/repository/operations.ts'
import { busyOf, profileRepository } from '../bench/repository/profile.ts'
import { tablesOf } from '../bench/repository/report.ts'
import { LIFETIME_S } from '../bench/repository/repository.ts'
import { runAll } from '../bench/repository/run.ts'
import { checkReplies } from '../store/model-checks.ts'
import { temporaryFolder } from '../support/at-exit.ts'
import { Model } from '../support/model.ts'
import { startRedis } from '../support/redis.ts'
import { announceOf, at, hashOf } from '../support/store.ts'

const HASHES = ['0a1b', '0a1c', 'f00'].map(hashOf)

function randomAnnounce(random: () => number): StoredAnnounce {
  const pick = (count: number) => Math.floor(random() * count)
  const torrent = pick(4) % 3
  // The first gets large, the last stays small.
  const peer = pick(torrent === 0 ? 300 : 12)
  const isSeeder = random() < 0.5
  return announceOf({
    infoHash: HASHES[torrent] as (typeof HASHES)[number],
    endpoint: at(random() < 0.2 ? '2001:db8::1' : '192.0.2.1', 1000 + peer),
    event: [EVENT.none, EVENT.started, EVENT.completed, EVENT.stopped][pick(4)] as StoredAnnounce['event'],
    isSeeder,
    numwant: pick(60),
  })
}

/** Takes out of the model what has expired. */
function expire(model: Model, nowS: number): number {
  const cutoffS = nowS - LIFETIME_S
  let removed = 0
  for (const [hex, { peers, done }] of model.swarms) {
    const staying = new Map([...peers].filter(([, { announcedS }]) => announcedS > cutoffS))
    const known = new Map([...done].filter(([id, countedS]) => staying.has(id) || countedS > cutoffS))
    removed += model.sweep(hex, { peers: staying, done: known, isHalfSwept: false }, { nowS, cutoffS }).removed
  }
  return removed
}

describe.each(IMPLEMENTATIONS)('the implementation $name of the repository benchmark', (implementation) => {
  it('answers announces, scrapes, listings and sweeps as the model does', async () => {
    const server = await startRedis(...implementation.redisArgs)
    try {
      const clock = { nowS: 1_800_000_000 }
      const repository = implementation.make(server.redis, clock)
      const model = new Model({ listed: false, peerDetails: implementation.name !== 'no details' })
      const random = makeRandom()
      const tellsNew = implementation.name !== 'sorted sets'
      const announceSome = async () => {
        for (let batch = 0; batch < 40; batch++) {
          const announces = Array.from({ length: 1 + Math.floor(random() * 100) }, () => randomAnnounce(random))
          checkReplies(model, announces, await repository.announce(announces), clock.nowS, tellsNew)
        }
      }
      const checkCounts = async () => {
        const counts = HASHES.map((hash) => model.counts(hash.toString('hex')))
        if (repository.scrape) expect(await repository.scrape(HASHES)).toEqual(counts)
        const listed = HASHES.map((hash, i) => ({ hex: hash.toString('hex'), ...counts[i] }))
        const known = listed.filter(({ hex }) => hex.startsWith('0a1') && model.swarms.has(hex))
        if (repository.list) expect(await repository.list('0a1')).toEqual(known)
      }
      await announceSome()
      await checkCounts()
      clock.nowS += LIFETIME_S / 2
      await announceSome()
      await checkCounts()
      if (!repository.sweep) return
      for (const secondsLater of [LIFETIME_S / 2 + 1, 2 * LIFETIME_S]) {
        clock.nowS += secondsLater
        const removed = (await repository.sweep('0a1')) + (await repository.sweep('f00'))
        expect(removed).toBe(expire(model, clock.nowS))
        expect(removed).toBeGreaterThan(0)
        await checkCounts()
      }
    } finally {
      await server.stop()
    }
  })
})

describe('the repository benchmark', () => {
  it('measures every operation of every implementation', async () => {
    const groups = makeGroups(SIZES.tiny)
    const results = await runAll({ groups, implementations: IMPLEMENTATIONS, rounds: 1 })
    for (const operation of groups.flatMap(({ operations }) => operations)) {
      const measured = results.filter((result) => result.operation === operation)
      const those = measured.map(({ implementation }) => implementation)
      expect(those, operation).toEqual(expect.arrayContaining(['redswarm', 'no details', 'sorted sets']))
      for (const { redisUs, bytes } of measured) expect((redisUs ?? bytes)?.mean).toBeGreaterThan(0)
    }
    expect(tablesOf(results)).toContain('| mixed load')
  })

  it('profiles the store alone: one summary of both sides, and nothing of what reads the profile in it', async () => {
    const { path, remove } = await temporaryFolder('test')
    try {
      // Some tenths of a second, so that there are samples.
      const sizes = { ...SIZES.tiny, loadTorrents: 2000, loadPeers: 4000 }
      const text = await profileRepository(path, sizes)
      for (const [, file] of text.matchAll(/^ {2}(\/.*)$/gm))
        expect((await stat(file as string)).size).toBeGreaterThan(0)
      const read = async (name: string) => JSON.parse(await readFile(join(path, name), 'utf8'))
      const { announces, mainThreadUs, node } = await read('summary.json')
      expect(announces).toBe(5 * sizes.loadPeers)
      expect(mainThreadUs).toBeGreaterThan(0)
      const stacks = stacksOf(await read('repository.cpuprofile'))
      expect(node.busy).toBe(samplesOf(busyOf(stacks)))
      const files = new Set(stacks.flatMap(({ frames }) => frames.map(({ file }) => file)))
      expect(files).toContain('lib/store/batcher.ts')
      expect([...files].filter((file) => file.startsWith('services/profile/'))).toEqual([])
    } finally {
      await remove()
    }
  })
})
