import { type Case, Deviation, expectThat, rule, WAYS, type Way } from '../case.ts'
import { type Announce, type Announcer, portOf } from '../client/answer.ts'
import { type Scene, tell } from '../scene.ts'

/** What a step does: it announces, or it scrapes and reads from what is told, as seeders/leechers/completed, its part. */
type Act = { name: string; announce: Omit<Announce, 'infoHash'> } | { name: string; read: (scraped: string) => string }
/** Who does what, and what is answered. Of an announce: seeders/leechers, and the peers that are told. */
type Step = ['first' | 'second', Act, string | RegExp]

const leecher = (port: number, more: Partial<Announce> = {}): Act => ({ name: 'leecher', announce: { port, ...more } })
const seeder = (port: number, more: Partial<Announce> = {}): Act => ({
  name: 'seeder',
  announce: { port, left: 0, ...more },
})
/** A seeder that has just become one. */
const completes = (port: number): Act => ({ name: 'completed', announce: { port, left: 0, event: 'completed' } })
const starts = (port: number): Act => ({ name: 'started', announce: { port, left: 0, event: 'started' } })
const stops = (port: number, left = 1000): Act => ({ name: 'stopped', announce: { port, left, event: 'stopped' } })
/** Seeders/leechers of a scrape. */
const scrape: Act = { name: 'scrape', read: (scraped) => scraped.replace(/\/\d+$/, '') }
/** Downloads that a scrape tells. */
const downloads: Act = { name: 'downloads', read: (scraped) => scraped.replace(/^.*\//, '') }

/** Takes the steps one after another. */
async function take(scene: Scene, steps: readonly Step[], by: { first: Announcer; second: Announcer }): Promise<void> {
  const infoHash = scene.hash()
  for (const [who, act, expected] of steps) {
    const told =
      'read' in act ? act.read(await by[who].scrape(infoHash)) : await tell(by[who], { infoHash, ...act.announce })
    expectThat(told, expected, act.name)
  }
}

/** A case of a swarm's state, run in all ways. */
const state = (number: string, title: string, source: string, steps: Step[]): Case => ({
  ...rule(number, title, source, async (scene) =>
    take(scene, steps, { first: await scene.first(), second: await scene.second() }),
  ),
  ways: WAYS,
})

/** A case that is more than steps one after another, run in all ways. */
const inAllWays = (
  number: string,
  title: string,
  source: string,
  run: (scene: Scene, first: Announcer, second: Announcer) => Promise<void>,
): Case => ({
  ...rule(number, title, source, async (scene) => run(scene, await scene.first(), await scene.second())),
  ways: WAYS,
})

const inTurn = async (ports: readonly number[], act: (port: number) => Promise<unknown>): Promise<void> => {
  for (const port of ports) await act(port)
}
const portsTo = (last: number): number[] => Array.from({ length: last }, (_, i) => i + 1)

/** What a swarm is, whoever asks, by whichever protocol, at whichever frontend. */
export const swarmState: Case[] = [
  state('72', 'the first seeder is counted in its own reply, and sees nobody', 'Torrust', [
    ['first', starts(7001), '1/0 sees nobody'],
    ['second', scrape, '1/0'],
  ]),
  state('73', 'the second peer sees the first, the first then the second', 'Torrust', [
    ['first', seeder(7001), '1/0 sees nobody'],
    ['second', leecher(7002), '1/1 sees 7001'],
    ['first', seeder(7001), '1/1 sees 7002'],
  ]),
  inAllWays('73b', 'no peer is told of itself', 'bittorrent-tracker', async (scene, first, second) => {
    await first.announce({ infoHash: scene.hash(), port: 7001 })
    const { peers } = await second.announce({ infoHash: scene.hash(), port: 7001 })
    expectThat(peers.map(portOf).includes(7001) ? 'sees itself' : 'not told', 'not told')
  }),
  {
    ...state('74', 'what is announced over one protocol is seen over the other', 'aquatic', [
      ['first', leecher(7001), '0/1 sees nobody'],
      ['second', leecher(7002), '0/2 sees 7001'],
      ['first', scrape, '0/2'],
    ]),
    ways: WAYS.filter((way) => way.first !== way.second),
  },
  {
    ...rule(
      '75',
      'peers of IPv4 and IPv6 are counted together, and told to their own family',
      'BEP 7',
      async (scene) => {
        const family = (scene.way as Way).family === 4 ? 6 : 4
        await take(
          scene,
          [
            ['first', leecher(7001), '0/1 sees nobody'],
            ['second', leecher(7002), '0/2 sees nobody'],
            ['first', leecher(7003), '0/3 sees 7001'],
            ['second', leecher(7004), '0/4 sees 7002'],
            ['first', scrape, '0/4'],
          ],
          { first: await scene.first(), second: await scene.second({ family }) },
        )
      },
    ),
    ways: WAYS,
  },
  state('76', 'the same peer id at another port is another peer', 'opentracker', [
    ['first', leecher(7001), '0/1 sees nobody'],
    ['second', leecher(7002), '0/2 sees 7001'],
    ['first', scrape, '0/2'],
  ]),
  state('77', 'another peer id at the same address and port is the same peer', 'opentracker', [
    ['first', leecher(7001), '0/1 sees nobody'],
    ['second', leecher(7001, { peerId: '-RS0001-zyxwvutsrqpo' }), '0/1 sees nobody'],
    ['first', scrape, '0/1'],
  ]),
  state('78', 'a leecher that announces left = 0 is a seeder, without any event, and counted once', 'opentracker', [
    ['first', leecher(7001), '0/1 sees nobody'],
    ['second', seeder(7001), '1/0 sees nobody'],
    ['first', seeder(7001), '1/0 sees nobody'],
    ['second', scrape, '1/0'],
  ]),
  state('78b', 'a seeder that announces left > 0 is a leecher again', 'BEP 3', [
    ['first', seeder(7001), '1/0 sees nobody'],
    ['second', leecher(7001), '0/1 sees nobody'],
    ['first', scrape, '0/1'],
  ]),
  state('79', 'completed counts a download, and again from the same peer does not', 'opentracker', [
    ['first', leecher(7001), '0/1 sees nobody'],
    ['second', completes(7001), '1/0 sees nobody'],
    ['first', completes(7001), '1/0 sees nobody'],
    ['second', downloads, '1'],
  ]),
  state('80', 'nor does it after started', 'opentracker', [
    ['first', completes(7001), '1/0 sees nobody'],
    ['second', starts(7001), '1/0 sees nobody'],
    ['first', completes(7001), '1/0 sees nobody'],
    ['second', downloads, '1'],
  ]),
  state('80b', 'nor after stopped', 'Redswarm', [
    ['first', completes(7001), '1/0 sees nobody'],
    ['second', stops(7001, 0), '0/0 sees nobody'],
    ['first', completes(7001), '1/0 sees nobody'],
    ['second', downloads, '1'],
  ]),
  state('81', 'completed by a peer that was not there is counted', 'opentracker', [
    ['first', completes(7001), '1/0 sees nobody'],
    ['second', downloads, '1'],
  ]),
  state('81b', 'completed with something left is not', 'Redswarm', [
    ['first', leecher(7001, { event: 'completed' }), '0/1 sees nobody'],
    ['second', downloads, '0'],
  ]),
  state('81c', 'a seeder that never said completed is no download', 'opentracker', [
    ['first', starts(7001), '1/0 sees nobody'],
    ['second', downloads, '0'],
  ]),
  state(
    '82',
    'a peer that stops is gone at once: from counts, its own reply among them, replies and scrapes',
    'BEP 3',
    [
      ['first', seeder(7001), '1/0 sees nobody'],
      ['second', leecher(7002), '1/1 sees 7001'],
      ['first', stops(7001, 0), /^0\/1 /],
      ['second', leecher(7002), '0/1 sees nobody'],
      ['first', scrape, '0/1'],
    ],
  ),
  state('82b', 'a peer that stops is told of nobody', 'Torrust', [
    ['first', leecher(7001), '0/1 sees nobody'],
    ['second', leecher(7002), '0/2 sees 7001'],
    ['first', stops(7001), '0/1 sees nobody'],
  ]),
  state('83', 'a stop of a peer that was not there changes nothing', 'opentracker', [
    ['first', stops(7001), '0/0 sees nobody'],
    ['second', scrape, '0/0'],
  ]),
  state('84', 'a download stays counted when its peer has stopped', 'opentracker', [
    ['first', completes(7001), '1/0 sees nobody'],
    ['second', stops(7001, 0), '0/0 sees nobody'],
    ['first', downloads, '1'],
  ]),
  inAllWays(
    '87',
    'of 120 peers, 50 are told: none twice, not always the same, each at some time',
    'mochi',
    async (scene, first, second) => {
      const [infoHash, asker] = [scene.hash(), 7001]
      await inTurn(portsTo(120), (port) => first.announce({ infoHash, port, numwant: 0 }))
      const [seen, replies] = [new Set<number>(), new Set<string>()]
      for (let asked = 0; asked < 200 && seen.size < 120; asked++) {
        const { peers } = await second.announce({ infoHash, port: asker, numwant: 50 })
        if (peers.length !== 50) throw new Deviation(`tells ${peers.length}`, '50')
        const ports = peers.map(portOf).filter((port) => port !== asker)
        if (new Set(ports).size < ports.length) throw new Deviation('tells one twice', '50 others')
        replies.add(ports.join())
        for (const port of ports) seen.add(port)
      }
      expectThat(`${seen.size} of 120 seen${replies.size < 2 ? ', always the same' : ''}`, '120 of 120 seen')
    },
  ),
  state('88', 'a seeder is not told of seeders', 'chihaya', [
    ['first', seeder(7001), '1/0 sees nobody'],
    ['second', seeder(7002), '2/0 sees nobody'],
    ['first', leecher(7003), '2/1 sees 7001 7002'],
    ['second', seeder(7002), '2/1 sees 7003'],
  ]),
  inAllWays(
    '89',
    '100 identical announces at once make one peer and one download',
    'chihaya',
    async (scene, first, second) => {
      const announce = { infoHash: scene.hash(), port: 7001, left: 0, event: 'completed' as const }
      await Promise.all(portsTo(50).flatMap(() => [first.announce(announce), second.announce(announce)]))
      expectThat(await first.scrape(scene.hash()), '1/0/1', 'scrape')
    },
  ),
]
