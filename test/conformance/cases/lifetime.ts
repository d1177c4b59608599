import { setTimeout as sleep } from 'node:timers/promises'
import { type Case, Deviation, expectThat, rule } from '../case.ts'
import { portOf } from '../client/answer.ts'
import { escaped } from '../client/http.ts'
import type { Scene } from '../scene.ts'
import type { Subject } from '../subject.ts'

/** Tries again until what is told is what it should be; at last tells what it still is. */
async function eventually(tell: () => Promise<string>, expected: string | RegExp, msMax: number): Promise<void> {
  const endMs = performance.now() + msMax
  for (;;) {
    const told = await tell().catch((error: Error) => error.message)
    const holds = typeof expected === 'string' ? told === expected : expected.test(told)
    if (holds) return
    if (performance.now() > endMs) throw new Deviation(`in the end: ${told}`, String(expected))
    await sleep(100)
  }
}

/** Peers announce to a frontend, one after another, until it is gone; `onAnswered` is told of each that was answered. */
async function announceUntilGone(
  scene: Scene,
  at: Subject,
  firstPort: number,
  onAnswered: (port: number) => void,
): Promise<void> {
  const peer = await scene.udp({ at })
  for (let port = firstPort; port < firstPort + PEERS_MAX; port++) {
    const reply = await peer.exchange(peer.announceRequest({ infoHash: scene.hash(), port, numwant: 0 }), 500)
    if (reply?.readUInt32BE(0) !== 1) return
    onAnswered(port)
  }
}

/** As many of these leechers as a seeder is told of, asked again and again. */
async function countSeen(scene: Scene, at: Subject, frontend: number, leechers: readonly number[]): Promise<number> {
  const peer = await scene.udp({ at, frontend })
  const unseen = new Set(leechers)
  for (let asked = 0; asked < 500 && unseen.size > 0; asked++) {
    const { peers } = await peer.announce({ infoHash: scene.hash(), port: 9999, left: 0n, numwant: 200 })
    for (const each of peers) unseen.delete(portOf(each))
  }
  return leechers.length - unseen.size
}

/** Peers that announce to a frontend at most, and those that are answered before it is killed. */
const PEERS_MAX = 1000
const ANSWERED_LEAST = 50

/** Peers that fall silent, and what of a swarm outlives frontends and their store. */
export const lifetime: Case[] = [
  rule(
    '85',
    'a peer that falls silent is gone from peers and counts, one that announces stays',
    'BEP 3',
    async (scene) => {
      const { subject } = await scene.setUp('shortPeerLifetime')
      const [udp, http] = [await scene.udp({ at: subject }), scene.http({ at: subject })]
      const alive = () => http.tell({ info_hash: escaped(scene.hash()), port: 7002 })
      await udp.announce({ infoHash: scene.hash(), port: 7001, left: 0n })
      expectThat(await alive(), '1/1 sees 7001', 'at first')
      await sleep(1000)
      expectThat(await alive(), '1/1 sees 7001', 'after 1 s')
      await eventually(alive, '0/1 sees nobody', 40_000)
      expectThat(await udp.scrape(scene.hash()), /^0\/1\//, 'scrape')
    },
  ),
  rule('85b', 'a torrent whose peers have all fallen silent is forgotten', 'Torrust', async (scene) => {
    const { subject } = await scene.setUp('shortPeerLifetime')
    const udp = await scene.udp({ at: subject })
    await udp.announce({ infoHash: scene.hash() })
    await eventually(() => udp.scrape(scene.hash()), '0/0/0', 40_000)
  }),
  rule(
    '86',
    'no peer that keeps announcing is swept, while two sweepers sweep the silent ones',
    'chihaya',
    async (scene) => {
      const { subject } = await scene.setUp('shortPeerLifetime')
      const udp = await scene.udp({ at: subject })
      const announceAll = (ports: readonly number[]) =>
        Promise.all(ports.map((port) => udp.announce({ infoHash: scene.hash(), port, numwant: 0 })))
      const [alive, silent] = [
        Array.from({ length: 40 }, (_, i) => 1 + i),
        Array.from({ length: 40 }, (_, i) => 101 + i),
      ]
      await announceAll(silent)
      const endMs = performance.now() + 9000
      while (performance.now() < endMs) {
        await announceAll(alive)
        const leechers = Number((await udp.scrape(scene.hash())).split('/')[1])
        if (leechers < alive.length) throw new Deviation(`${leechers} of 40 left`, 'all 40')
        await sleep(100)
      }
      await eventually(
        async () => {
          await announceAll(alive)
          return udp.scrape(scene.hash())
        },
        '0/40/0',
        40_000,
      )
      const { peers } = await udp.announce({ infoHash: scene.hash(), port: 9999, left: 0n, numwant: 200 })
      expectThat(`${new Set(peers.map(portOf).filter((port) => port !== 9999)).size} told`, '40 told')
    },
  ),
  rule(
    '90',
    'a frontend killed under load takes no peer along: all that were answered are found',
    'Redswarm',
    async (scene) => {
      const { subject, kill, start } = await scene.setUp('restart')
      const answered: number[] = []
      const isUnderLoad = Promise.withResolvers<void>()
      const onAnswered = (port: number) => {
        if (answered.push(port) === ANSWERED_LEAST) isUnderLoad.resolve()
      }
      const load = [1000, 2000].map((port) => announceUntilGone(scene, subject, port, onAnswered))
      await Promise.race([isUnderLoad.promise, Promise.all(load)])
      await kill()
      await Promise.all(load)
      if (answered.length < ANSWERED_LEAST) throw new Deviation(`answers ${answered.length}`, 'answers to all')
      // Where there is another frontend, it is asked at once; else the one that was killed, when it is back.
      const other = subject.frontends.length - 1
      if (other === 0) await start()
      const seen = await countSeen(scene, subject, other, answered)
      const told = seen === 0 ? 'all lost' : seen < answered.length ? 'some lost' : 'none lost'
      expectThat(told, 'none lost')
    },
  ),
  rule(
    '90b',
    'a restart of the store takes no peer along, and service goes on by itself',
    'Redswarm',
    async (scene) => {
      const { subject, killStore, startStore } = await scene.setUp('ownStore')
      const [udp, http] = [await scene.udp({ at: subject }), scene.http({ at: subject })]
      await udp.announce({ infoHash: scene.hash(), port: 7001, left: 0n })
      await killStore()
      await startStore()
      await eventually(() => http.tell({ info_hash: escaped(scene.hash()), port: 7002 }), '1/1 sees 7001', 5000)
      await eventually(() => udp.tell({ infoHash: scene.hash(), port: 7002 }), '1/1 sees 7001', 5000)
    },
  ),
  rule(
    '90c',
    'without the store, UDP gets an error, HTTP a failure with `retry in`, health is HTTP 503',
    'BEP 31',
    async (scene) => {
      const { subject, killStore, startStore } = await scene.setUp('ownStore')
      const [udp, http] = [await scene.udp({ at: subject }), scene.http({ at: subject })]
      const info_hash = escaped(scene.hash())
      const health = async () => `HTTP ${(await http.ask('/health_check')).status}`
      expectThat(await udp.tell({ infoHash: scene.hash() }), '0/1 sees nobody')
      await killStore()
      await eventually(health, 'HTTP 503', 5000)
      expectThat(await udp.tell({ infoHash: scene.hash() }), /^error: /, 'UDP')
      expectThat(await udp.scrape(scene.hash()), /^error: /, 'UDP scrape')
      for (const target of [http.announceTarget({ info_hash }), http.scrapeTarget(scene.hash())]) {
        expectThat((await http.ask(target)).body.toString(), /^d14:failure reason\d+:.*8:retry ini\d+ee$/, 'HTTP')
      }
      await startStore()
      await eventually(() => http.tell({ info_hash }), '0/1 sees nobody', 5000)
      expectThat(await udp.tell({ infoHash: scene.hash() }), '0/1 sees nobody', 'UDP again')
      await eventually(health, 'HTTP 200', 5000)
    },
  ),
]
