import type { Redis } from 'ioredis'
import { expect, it } from 'vitest'
import { makeCounters } from '../../lib/observe/counters.ts'
import { serverFactsOf } from '../../lib/store/server-facts.ts'
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
    away: async () => ({ all: [], failure: undefined, of: () => undefined }),
    servers: async () => {
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

/** A Redis that has used so much CPU; of a name where it is one of a Cluster. */
const serverOf = (cpuUs = 0, name = '') => ({
  ...{ name, redis: {} as Redis },
  facts: serverFactsOf(`used_cpu_user_main_thread:${cpuUs / 1e6}\r\nused_cpu_sys_main_thread:0`),
})

it('live figures tell no CPU of Redis where other masters are there than before, which have used more', async () => {
  const masters = [['a', 'b'], ['a', 'b'], ['a'], ['a', 'b'], ['a', 'b']]
  let atS = 0
  const reader = readerAt(() => ++atS / 4, {
    servers: async () =>
      (masters.shift() ?? []).map((name) => serverOf((name === 'a' ? 1_000_000 : 90_000_000) + 1000 * atS, name)),
  })
  const told = []
  while (masters.length > 0) told.push((await reader.snapshot()).redis?.cpu_cores)
  expect(told.map((cores) => cores !== null)).toEqual([false, true, false, false, true])
})

it('live figures tell no CPU of Redis where it was started anew, and has used less', async () => {
  const usedUs = [9_000_000, 9_500_000, 1000, 251_000]
  let atS = 0
  const reader = readerAt(() => ++atS / 4, { servers: async () => [serverOf(usedUs.shift())] })
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
