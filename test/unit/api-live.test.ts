import { expect, it } from 'vitest'
import { makeCounters } from '../../lib/observe/counters.ts'
import { makeLiveFeed } from '../../services/api/v2/live-feed.ts'
import { type LiveSources, makeLiveReader } from '../../services/api/v2/live-snapshot.ts'
import { until } from '../support/redis.ts'

const NOTHING = { torrents: 0, seeders: 0, leechers: 0, completed: 0 }

/** The reader of a tracker that does nothing, at times of a test's. */
const readerAt = (nowS: () => number, sources: Partial<LiveSources> = {}) =>
  makeLiveReader({
    counters: async () => makeCounters(),
    totals: async () => NOTHING,
    instances: async () => [],
    events: async () => [],
    health: async () => {
      throw new Error('not asked for here')
    },
    nowS,
    ...sources,
  })

it('live figures forget the rates of a time that is still to come: another Redis has taken over, and its clock is behind', async () => {
  const times = [5000, 5001, 5002, 900, 901, 902]
  let [reads, atS] = [0, 0]
  const reader = readerAt(() => atS)
  const feed = makeLiveFeed({
    ...reader,
    snapshot() {
      atS = times[reads++] ?? atS + 1
      return reader.snapshot()
    },
  })
  const unlisten = feed.listen(() => {})
  await until('all to be read', () => reads >= times.length, 15_000)
  await feed.stop()
  unlisten()
  let history = ''
  feed.listen((text) => {
    history = text
  })
  expect(JSON.parse(history.split('data: ')[1] ?? '').at).toEqual([901_000, 902_000])
})

it('live figures tell no CPU of Redis where it was started anew, and has used less', async () => {
  const usedUs = [9_000_000, 9_500_000, 1000, 251_000]
  let atS = 0
  const about = { kind: 'redis', version: '7.2.0', role: 'master', masters: 1, isLoading: false, hasAof: true } as const
  const wellness = { isAofWell: true, isSnapshotWell: true, maxBytes: undefined, snapshotAt: 0 }
  const amounts = { uptimeS: 1, usedBytes: 1, peakBytes: 1, clients: 1, replicas: 0, opsPerS: 0 }
  const reader = readerAt(() => ++atS / 4, {
    health: async () => ({ ...about, ...wellness, ...amounts, cpuUs: usedUs.shift() }),
  })
  const told = []
  while (usedUs.length > 0) told.push((await reader.snapshot()).redis?.cpu_cores)
  expect(told.map((cores) => cores !== null)).toEqual([false, true, false, true])
})

it('live figures read totals again where the clock was set back', async () => {
  const seeders = [1, 2, 3]
  let atS = 5000
  const reader = readerAt(() => atS, { totals: async () => ({ ...NOTHING, seeders: seeders.shift() ?? 0 }) })
  const told = async () => (await reader.snapshot()).totals?.seeders
  expect([await told(), await told()]).toEqual([1, 1])
  atS = 900
  expect([await told(), await told()]).toEqual([2, 2])
})
