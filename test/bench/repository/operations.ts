import { makeRandom } from '../../../lib/random.ts'
import { shardNames } from '../../../lib/store/keys.ts'
import type { StoredAnnounce } from '../../../lib/swarm/store.ts'
import { EVENT } from '../../../lib/wire/announce.ts'
import { type LoadPeer, makeLoad, nextEvent } from '../../../services/load/shape.ts'
import { announceAll, type Bench, type Figure, measure, scrapeAll, usedBytes } from './measure.ts'
import { announceOf } from './peers.ts'
import { LIFETIME_S, type Repository } from './repository.ts'

/** Operations that share one fresh Redis, in this order. */
export type Group = {
  operations: string[]
  /** It comes out alike each time, so that so many rounds are enough. */
  roundsMax?: number
  /** What else than announces it measures; implementations that do not claim it are left out. */
  needs?: (keyof Repository)[]
  isMemory?: boolean
  run: (bench: Bench) => Promise<Figure[]>
}

/** How much is done. */
export type Sizes = {
  /** Operations of Torrust's four, and peers that join and leave. */
  operations: number
  swarms: readonly number[]
  loadTorrents: number
  loadPeers: number
  /** Announces of the mixed load, where there are not as many as peers. */
  loadAnnounces?: number
  memoryPeers: number
}

/** A run of minutes, one of a minute, and one of seconds that shows that everything works. */
export const SIZES = {
  whole: {
    operations: 4000,
    swarms: [10, 100, 1000, 10_000, 100_000],
    loadTorrents: 20_000,
    loadPeers: 40_000,
    memoryPeers: 50_000,
  },
  quick: { operations: 1000, swarms: [10, 1000, 10_000], loadTorrents: 5000, loadPeers: 10_000, memoryPeers: 20_000 },
  tiny: { operations: 50, swarms: [10, 100], loadTorrents: 100, loadPeers: 200, memoryPeers: 1000 },
} satisfies Record<string, Sizes>

const NUMWANT = 30
const PEERS_PER_TORRENT = [1, 2, 10, 1000]
const PAGE_TORRENTS = 100

const upTo = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i))

/** All groups of a run. */
export const makeGroups = (sizes: Sizes): Group[] => [
  torrustGroup(sizes.operations),
  ...sizes.swarms.map((peers) => swarmGroup(peers, sizes.operations)),
  mixedGroup(sizes),
  sweepGroup(sizes),
  ...PEERS_PER_TORRENT.map((peers) => memoryGroup(peers, sizes.memoryPeers)),
]

/** Torrust's four. Its peer is one and the same, in each torrent. */
function torrustGroup(count: number): Group {
  const started = (torrent: number) => announceOf(torrent, 1, { event: EVENT.started, numwant: NUMWANT })
  const again = (torrent: number) => announceOf(torrent, 1, { numwant: NUMWANT })
  const one = 'add_one_torrent'
  const addMany = 'add_multiple_torrents_in_parallel'
  const updateOne = 'update_one_torrent_in_parallel'
  const updateMany = 'update_multiple_torrents_in_parallel'
  return {
    operations: [one, addMany, updateOne, updateMany],
    async run(bench) {
      const { repository } = bench
      const inTurn = Math.ceil(count / 4)
      const addInTurn = async () => {
        for (let i = 0; i < inTurn; i++) await announceAll(repository, [started(count + i)])
        return inTurn
      }
      const [first, second, third] = [upTo(count, started), upTo(count, () => again(0)), upTo(count, again)]
      return [
        await measure(bench, one, addInTurn),
        await measure(bench, addMany, () => announceAll(repository, first)),
        await measure(bench, updateOne, () => announceAll(repository, second)),
        await measure(bench, updateMany, () => announceAll(repository, third)),
      ]
    },
  }
}

/** Swarms of a size: a tenth of their peers (at most `count`) join to make it, ask, announce again and leave. */
function swarmGroup(size: number, count: number): Group {
  const joiners = Math.max(1, Math.min(size / 10, count / 2))
  const swarms = Math.max(1, Math.round(count / 2 / joiners))
  // Swarm by swarm in turn, as peers of different swarms come.
  const joining = upTo(swarms * joiners, (i) => ({ torrent: i % swarms, peer: size - 1 - Math.floor(i / swarms) }))
  // Leechers all, who are told of seeders and, in small swarms, of leechers.
  const leecher = { isSeeder: false, report: announceOf(0, 0).report }
  const toAnnounces = (changes: Partial<StoredAnnounce>) =>
    joining.map(({ torrent, peer }) => announceOf(torrent, peer, { ...leecher, ...changes }))
  const named = (what: string) => `${what} ${size.toLocaleString('en')}`
  const operations = ['join', 're-announce in', `${NUMWANT} peers from`, 'leave'].map(named)
  const [join, again, select, leave] = operations as [string, string, string, string]
  return {
    operations,
    async run(bench) {
      const staying = upTo(swarms * (size - joiners), (i) => announceOf(i % swarms, Math.floor(i / swarms)))
      await announceAll(bench.filler, staying)
      const announce = (operation: string, changes: Partial<StoredAnnounce>) => {
        const announces = toAnnounces(changes)
        return measure(bench, operation, () => announceAll(bench.repository, announces))
      }
      return [
        await announce(join, { event: EVENT.started }),
        await announce(again, {}),
        await announce(select, { numwant: NUMWANT }),
        await announce(leave, { event: EVENT.stopped }),
      ]
    },
  }
}

const toAnnounce = (peer: LoadPeer, changes: Partial<StoredAnnounce> = {}): StoredAnnounce => ({
  ...peer,
  event: EVENT.none,
  numwant: NUMWANT,
  wantsPeerIds: false,
  passkey: '',
  ...changes,
})

function loadOf({ loadTorrents, loadPeers }: Sizes) {
  const random = makeRandom()
  const byte = () => 1 + Math.floor(random() * 254)
  const peers = makeLoad(loadTorrents, loadPeers, random, () => `${byte()}.${byte()}.${byte()}.${byte()}`)
  return { random, peers }
}

/** Aquatic's load; then scrapes and pages of what it left. */
function mixedGroup(sizes: Sizes): Group {
  const [mixed, scrape, page] = ['mixed load', 'scrape', `page of ${PAGE_TORRENTS}`]
  return {
    operations: [mixed, scrape, page] as string[],
    async run(bench) {
      const { random, peers } = loadOf(sizes)
      const { repository, filler } = bench
      await announceAll(
        filler,
        peers.map((peer) => toAnnounce(peer, { event: EVENT.started })),
      )
      const anyPeer = () => peers[Math.floor(random() * peers.length)] as LoadPeer
      const announces = upTo(sizes.loadAnnounces ?? sizes.loadPeers, () => {
        const peer = anyPeer()
        return toAnnounce(peer, {
          event: nextEvent(peer, random),
          isSeeder: peer.isSeeder,
          report: Buffer.from(peer.report),
        })
      })
      const figures = [await measure(bench, mixed as string, () => announceAll(repository, announces))]
      const { scrape: scrapeMany, list } = repository
      if (scrapeMany) {
        const hashes = upTo(sizes.operations, () => anyPeer().infoHash)
        figures.push(await measure(bench, scrape as string, () => scrapeAll(scrapeMany, hashes)))
      }
      if (list) figures.push(await measure(bench, page as string, () => readPages(list, random, sizes.operations / 50)))
      return figures
    },
  }
}

/** Reads pages of the ordered listing, each from a random shard on. */
async function readPages(list: NonNullable<Repository['list']>, random: () => number, pages: number): Promise<number> {
  const shards = shardNames()
  for (let i = 0; i < pages; i++) {
    let shard = Math.floor(random() * shards.length)
    let torrents = 0
    for (let looked = 0; torrents < PAGE_TORRENTS && looked < shards.length; looked++) {
      torrents += (await list(shards[shard++ % shards.length] as string)).length
    }
  }
  return Math.ceil(pages)
}

/** Two sweeps of aquatic's swarms: all due and nobody expired; then all expired. */
function sweepGroup(sizes: Sizes): Group {
  const [look, remove] = ['sweep, per peer looked at', 'sweep, per peer removed']
  return {
    operations: [look, remove] as string[],
    needs: ['sweep'],
    async run(bench) {
      const { clock, repository } = bench
      const { peers } = loadOf(sizes)
      const announces = peers.map((peer) => toAnnounce(peer, { numwant: 0 }))
      const sweepAll = async () => {
        let removed = 0
        for (const shard of shardNames()) removed += (await repository.sweep?.(shard)) ?? 0
        return removed
      }
      const stored = new Set(peers.map(({ infoHash, endpoint }) => infoHash.toString('hex') + endpoint.toString('hex')))
        .size
      const expect = (removed: number, expected: number) => {
        if (removed !== expected) throw new Error(`a sweep removed ${removed} peers, not ${expected}`)
        return stored
      }
      await announceAll(repository, announces)
      clock.nowS += LIFETIME_S - 1
      await announceAll(repository, announces)
      clock.nowS += 2
      const looked = await measure(bench, look as string, async () => expect(await sweepAll(), 0))
      clock.nowS += LIFETIME_S
      const removed = await measure(bench, remove as string, async () => expect(await sweepAll(), stored))
      return [looked, removed]
    },
  }
}

function memoryGroup(perTorrent: number, peers: number): Group {
  const named = (what: string) => `bytes per ${what}, ${perTorrent.toLocaleString('en')} to a torrent`
  const [perPeer, perSwarm] = [named('peer'), named('torrent')]
  return {
    operations: [perPeer, perSwarm],
    roundsMax: 1,
    isMemory: true,
    async run({ redis, repository }) {
      const torrents = Math.ceil(peers / perTorrent)
      // The script and the buffers of the connection are there beforehand.
      await announceAll(
        repository,
        upTo(1000, () => announceOf(0, 0)),
      )
      await redis.flushall()
      const emptyBytes = await usedBytes(redis)
      await announceAll(
        repository,
        upTo(torrents * perTorrent, (i) => announceOf(i % torrents, Math.floor(i / torrents))),
      )
      const bytes = (await usedBytes(redis)) - emptyBytes
      return [
        { operation: perPeer, values: { bytes: bytes / (torrents * perTorrent) } },
        { operation: perSwarm, values: { bytes: bytes / torrents } },
      ]
    },
  }
}
