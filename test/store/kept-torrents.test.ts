import { expect, it } from 'vitest'
import { auditAll } from '../../lib/store/audit.ts'
import { makeCompletedImporter } from '../../lib/store/completed.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { makeSwarmImporter } from '../../lib/store/move/import-swarms.ts'
import type { ExportedSwarm } from '../../lib/store/move/records.ts'
import { makeSwarmReader } from '../../lib/store/reader.ts'
import { makeShardSweeper } from '../../lib/store/sweep.ts'
import { EVENT } from '../../lib/wire/announce.ts'
import { useRedis } from '../support/redis.ts'
import { announceOf, at, hashOf, storeOn } from '../support/store.ts'

const server = useRedis()
const keys = makeKeys('')
const HEX = hashOf('a').toString('hex')
const LIFETIME_S = 3900
const KEPT_S = 100_000

/** A store and a sweeper on a clock of the test's, which stands at the hour of the last step. */
function scene(startS = 1_764_000_000) {
  const { redis } = server()
  const clock = { nowS: startS }
  const nowS = () => clock.nowS
  const sweeping = { redis, keys, peerLifetimeS: LIFETIME_S, eventsMax: 100, nowS }
  /** Sweeps the shard to its end; answers how many torrents were dropped. `keptS` undefined: they are kept for good. */
  const sweep = async (keptS: number | undefined) => {
    const sweepShard = makeShardSweeper({ ...sweeping, completedLifetimeS: keptS })
    let dropped = 0
    for (let hasMore = true; hasMore; ) {
      const piece = await sweepShard('a00')
      expect(piece.damaged).toEqual([])
      dropped += piece.torrentsDropped
      hasMore = piece.hasMore
    }
    return dropped
  }
  return {
    clock,
    sweep,
    store: storeOn(redis, { peerLifetimeS: LIFETIME_S, eventsMax: 100 }, nowS),
    due: () => redis.zscore(keys.torrents('a00'), HEX),
    drift: async () => (await auditAll({ redis, keys, peerLifetimeS: LIFETIME_S, shards: ['a00'], nowS })).faults,
    totals: () => makeSwarmReader({ redis, keys }).totals(),
    async events() {
      return (await redis.xrange(keys.events, '-', '+')).map(([, [, event]]) => event)
    },
  }
}

const completed = announceOf({ isSeeder: true, event: EVENT.completed })

/** Empties the swarm, and sweeps it until it is known when it is to be removed. Answers when. */
async function emptyAndDate({ clock, sweep, store }: ReturnType<typeof scene>): Promise<number> {
  await store.announce([completed])
  clock.nowS += LIFETIME_S
  expect(await sweep(KEPT_S)).toBe(0)
  return clock.nowS + KEPT_S
}

it('a torrent that is empty is kept for its completed downloads for their lifetime, and then removed with all that it was', async () => {
  const all = scene()
  const { clock, sweep, due, drift, totals, events } = all
  const untilS = await emptyAndDate(all)
  expect(await due()).toBe(`${untilS + 0.5}`)
  expect(await drift()).toEqual([])
  clock.nowS = untilS
  expect(await sweep(KEPT_S)).toBe(0)
  expect(await totals()).toEqual({ torrents: 1, seeders: 0, leechers: 0, completed: 1 })
  clock.nowS = untilS + 1
  expect(await sweep(KEPT_S)).toBe(1)
  expect(await totals()).toEqual({ torrents: 0, seeders: 0, leechers: 0, completed: 0 })
  expect(await events()).toEqual(['added', 'completed', 'evicted'])
  expect((await server().redis.keys('*')).sort()).toEqual(['events', 'totals:{a00}'])
})

it('a large torrent that has emptied is removed likewise', async () => {
  const { clock, sweep, store, drift, totals } = scene()
  for (let i = 0; i < 300; i++) await store.announce([{ ...completed, endpoint: at('192.0.2.1', 1 + i) }])
  clock.nowS += LIFETIME_S
  expect(await sweep(KEPT_S)).toBe(0)
  expect([await drift(), await totals()]).toMatchObject([[], { torrents: 1, seeders: 0, completed: 300 }])
  clock.nowS += KEPT_S + 1
  expect(await sweep(KEPT_S)).toBe(1)
  expect(await totals()).toEqual({ torrents: 0, seeders: 0, leechers: 0, completed: 0 })
})

it('a torrent without a completed download goes at once when it is empty', async () => {
  const { clock, sweep, store, events } = scene()
  await store.announce([announceOf(), announceOf({ event: EVENT.stopped }), announceOf()])
  clock.nowS += LIFETIME_S
  expect(await sweep(KEPT_S)).toBe(1)
  expect(await events()).toEqual(['added', 'evicted', 'added', 'evicted'])
})

it('a torrent that somebody announces is kept anew from when it is empty again, even if that is just before its time', async () => {
  const all = scene()
  const { clock, sweep, store, due, drift } = all
  const untilS = await emptyAndDate(all)
  clock.nowS = untilS - 10
  await store.announce([announceOf({ endpoint: at('192.0.2.2') })])
  expect(await due()).toBe(`${clock.nowS + LIFETIME_S}`)
  expect(await drift()).toEqual([])
  await store.announce([announceOf({ endpoint: at('192.0.2.2'), event: EVENT.stopped })])
  clock.nowS = untilS + LIFETIME_S
  expect(await sweep(KEPT_S)).toBe(0)
  expect(await due()).toBe(`${clock.nowS + KEPT_S + 0.5}`)
})

it('a torrent is not removed while it has peers, or remembers who has completed it', async () => {
  const all = scene()
  const { clock, sweep, store, due, drift } = all
  const untilS = await emptyAndDate(all)
  clock.nowS = untilS - 10
  await store.announce([{ ...completed, endpoint: at('192.0.2.2') }])
  await store.announce([{ ...completed, endpoint: at('192.0.2.2'), event: EVENT.stopped }])
  clock.nowS = untilS + 1
  expect(await sweep(KEPT_S)).toBe(0)
  // As a frontend of the version before would leave it.
  await server().redis.zadd(keys.torrents('a00'), `${clock.nowS - 1}.5`, HEX)
  expect(await drift()).toMatchObject([{ check: 'due times', fault: expect.stringContaining('to be removed') }])
  expect(await sweep(KEPT_S)).toBe(0)
  expect(await due()).toBe(`${clock.nowS + LIFETIME_S}`)
  expect(await drift()).toEqual([])
})

it('what is kept for good, as an import makes it and earlier versions left it, gets its time with the next sweep', async () => {
  const { clock, sweep, due, drift, totals } = scene(Math.floor(Date.now() / 1000))
  const counts = Array.from({ length: 250 }, (_, i) => ({
    infoHash: hashOf(`a00${i.toString(16).padStart(3, '0')}`),
    completed: 3,
  }))
  await makeCompletedImporter({ redis: server().redis, keys })(counts, 'write')
  expect(await due()).toBe('inf')
  expect(await sweep(KEPT_S)).toBe(0)
  expect(await due()).toBe(`${clock.nowS + KEPT_S + 0.5}`)
  expect(await server().redis.zcount(keys.torrents('a00'), 'inf', 'inf')).toBe(0)
  expect(await drift()).toEqual([])
  clock.nowS += KEPT_S + 1
  expect(await sweep(KEPT_S)).toBe(250)
  expect(await totals()).toMatchObject({ torrents: 0, completed: 0 })
})

it('a listed tracker keeps torrents for good, those too that had a time; one that is not any more gives them one', async () => {
  const all = scene()
  const { clock, sweep, due, drift } = all
  const untilS = await emptyAndDate(all)
  clock.nowS = untilS + 1
  expect(await sweep(undefined)).toBe(0)
  expect(await due()).toBe('inf')
  expect(await drift()).toEqual([])
  clock.nowS += 10 * KEPT_S
  expect(await sweep(undefined)).toBe(0)
  expect(await sweep(KEPT_S)).toBe(0)
  expect(await due()).toBe(`${clock.nowS + KEPT_S + 0.5}`)
})

it('an audit that repairs one leaves its time, unless it remembers who has completed it', async () => {
  const all = scene(Math.floor(Date.now() / 1000))
  const { clock, due } = all
  const { redis } = server()
  const repair = () =>
    auditAll({ redis, keys, peerLifetimeS: LIFETIME_S, shards: ['a00'], repair: true, nowS: () => clock.nowS })
  const untilS = await emptyAndDate(all)
  await redis.hset(keys.swarm(HEX), 'completed', 7)
  expect(await repair()).toMatchObject({ drift: 1, repaired: 1 })
  expect(await due()).toBe(`${untilS + 0.5}`)
  await redis.zadd(keys.torrents('a00'), `${clock.nowS + 1}.5`, HEX)
  await redis.zadd(`${keys.swarm(HEX)}:done`, clock.nowS, at('192.0.2.1'))
  expect(await repair()).toMatchObject({ drift: 1, repaired: 1 })
  expect(await due()).toBe(`${clock.nowS + LIFETIME_S}`)
})

it('an import that brings back who has completed a torrent, or a peer, keeps it', async () => {
  const { redis } = server()
  const nowS = Math.floor(Date.now() / 1000)
  const importSwarm = makeSwarmImporter({
    redis,
    keys,
    peerLifetimeS: LIFETIME_S,
    peerDetails: true,
    random: () => 0.5,
  })
  const swarm = { hex: HEX, addedS: nowS - 10, completed: 1, peers: [], done: [] }
  const dueAfter = async (changes: Partial<ExportedSwarm>) => {
    // To be removed before a lifetime is over.
    await redis.zadd(keys.torrents('a00'), `${nowS + 100}.5`, HEX)
    expect(await importSwarm([{ ...swarm, ...changes }])).toMatchObject([{ outcome: 'changed' }])
    return Number(await redis.zscore(keys.torrents('a00'), HEX)) - nowS
  }
  await importSwarm([swarm])
  const done = await dueAfter({ done: [{ endpoint: at('192.0.2.1'), atS: nowS - 50 }] })
  expect([done, done % 1]).toEqual([expect.closeTo(LIFETIME_S, -1.5), 0])
  const peer = { endpoint: at('192.0.2.2'), isSeeder: true, announcedS: nowS - 50, details: undefined }
  expect(await dueAfter({ peers: [peer] })).toBe(LIFETIME_S - 50)
  expect(await scene(nowS).drift()).toEqual([])
})
