import { type Case, expectThat, rule, WAYS } from '../case.ts'
import { portOf } from '../client/answer.ts'
import { tell } from '../scene.ts'

/** Cases that some tracker was bitten by, and that have no place elsewhere. */
export const traps: Case[] = [
  {
    ...rule('T1', 'a peer that announces again and again is counted once', 'mochi', async (scene) => {
      const [first, second] = [await scene.first(), await scene.second()]
      const announce = { infoHash: scene.hash(), port: 7001 }
      for (const by of [first, second, first, second]) expectThat(await tell(by, announce), '0/1 sees nobody')
      expectThat(await first.scrape(scene.hash()), '0/1/0', 'scrape')
    }),
    ways: WAYS,
  },
  rule('T2', 'a peer is told at the address that it announced from', 'chihaya', async (scene) => {
    for (const [protocol, from, port] of [
      ['udp', '127.0.2.1', 7001],
      ['http', '127.0.2.2', 7002],
    ] as const) {
      const announcer = await scene.announcer(protocol, { from })
      await announcer.announce({ infoHash: scene.hash(), port })
      const { peers } = await (await scene.announcer(protocol)).announce({ infoHash: scene.hash(), port: 7009 })
      expectThat(peers.find((peer) => portOf(peer) === port) ?? 'not told', `${from}:${port}`, protocol)
    }
  }),
  rule('T3', 'peers of the other family take no room in a reply', 'Torrust', async (scene) => {
    for (const protocol of ['udp', 'http'] as const) {
      const [four, six] = [await scene.announcer(protocol), await scene.announcer(protocol, { family: 6 })]
      const infoHash = scene.hash(protocol === 'udp' ? 0 : 1)
      for (let port = 1; port <= 60; port++) await six.announce({ infoHash, port, left: 0, numwant: 0 })
      for (let port = 101; port <= 110; port++) await four.announce({ infoHash, port, left: 0, numwant: 0 })
      const { peers } = await four.announce({ infoHash, port: 7001, numwant: 10 })
      const told = peers.map(portOf).filter((port) => port > 100 && port <= 110).length
      expectThat(told < 10 ? 'not all told' : 'all told', 'all told', protocol)
    }
  }),
]

/** What has bitten other trackers: the cases that would tell, or where else it is held. */
export const TRAPS: readonly [trap: string, cases: readonly string[] | string][] = [
  ['a scrape out of order, or with doubles left out', ['23', '25']],
  ['a scrape without a look at its connection id', ['21']],
  ['error replies to garbage: reflection', ['3', '4', '5', '6', '8', '15', '38']],
  ['`max` for `min` with numwant', ['29', '30', '87']],
  ['left that is missing makes a seeder', ['44']],
  ['a peer in both roles', ['78', '78b']],
  ['counts that grow with every announce', ['T1']],
  ['replies read inside a transaction, WATCH on another connection: counts that drift', ['79', '89', '90']],
  ['the whole swarm read for each announce', 'docs/benchmarks.md: the cost at 100,000 peers'],
  ['a sweep that decides by what it has read before', ['86']],
  ['bytes in text become UTF-8', ['51']],
  ['connection ids of a port', ['16']],
  ['addresses hidden by a NAT or a balancer', ['66', '66b', 'T2']],
  ['the left-most address of X-Forwarded-For', ['66', '66d', '66e']],
  ['0.0.0.0 for a peer on the loopback', ['T2']],
  ['the asker in its own list', ['73b', '87']],
  ['completed sent again and again', ['79', '80', '89']],
  ['torrents that are never removed', ['85b', '91g']],
  ['keys that no Cluster can serve', 'not seen from outside: docs/redis-keys.md'],
  ['the limit on peers before the choice of the family', ['T3']],
  ['HTTP 500 for 401', ['92']],
  ['a listing without a bound', ['93']],
  ['scripts gone after a restart of Redis', ['90b']],
  ["frontends' clocks in the place of Redis's", 'not seen from outside: docs/redis-keys.md'],
]
