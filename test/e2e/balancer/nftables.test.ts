import type { ChildProcess } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { infraFile } from '../../support/balancer.ts'
import { makeNamespaces, missingNamespaces, type Namespaces } from '../../support/namespaces.ts'
import { until, useRedis } from '../../support/redis.ts'
import { skipWithout } from '../skip.ts'

type Told = { from: string; ids: number; peers: string; httpIp: string }

/** A machine of clients, one that balances, one with both frontends, at the addresses of the file. */
const open = () =>
  makeNamespaces(
    ['clients', 'balancer', 'frontends'],
    [
      [
        ['10.68.0.2/24', '10.68.0.3/24', 'fd68::2/64', 'fd68::3/64'],
        ['10.68.0.1/24', 'fd68::1/64'],
      ],
      [
        ['10.69.0.1/24', 'fd69::1/64'],
        ['10.69.0.11/24', '10.69.0.12/24', 'fd69::11/64', 'fd69::12/64'],
      ],
    ],
  )

describe('nftables before two frontends', () => {
  const server = useRedis()

  const startFrontend = async (spaces: Namespaces, number: number): Promise<ChildProcess> => {
    const at = (port: number) => `10.69.0.1${number}:${port},[fd69::1${number}]:${port}`
    const child = spaces.start('frontends', process.execPath, ['services/main.ts', 'up'], {
      REDSWARM_REDIS_URL: server().url,
      REDSWARM_UDP_LISTEN: at(6969),
      REDSWARM_HTTP_LISTEN: at(7070),
      REDSWARM_API_LISTEN: `127.0.0.1:121${number}`,
      REDSWARM_HEALTH_LISTEN: `127.0.0.1:131${number}`,
      REDSWARM_METRICS_LISTEN: `127.0.0.1:946${number}`,
      REDSWARM_API_TOKEN: 'a-token-for-tests',
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (bytes: Buffer) => (said += bytes))
    await until('a frontend to serve', () => said.includes('"msg":"serving"') || said.includes('serving'), 20_000)
    return child
  }
  /** For how many seconds more the datagrams of the tracker are in the table of connections. */
  const trackedS = (spaces: Namespaces, space: string): number[] =>
    [...spaces.run(space, 'cat', '/proc/net/nf_conntrack').matchAll(/ udp +17 (\d+) .* dport=6969 /g)].map(([, s]) =>
      Number(s),
    )
  const announcesOf = (spaces: Namespaces, number: number): number => {
    const asked = `fetch('http://127.0.0.1:946${number}/metrics').then(async (a) => console.log(await a.text()))`
    const metrics = spaces.run('frontends', process.execPath, '-e', asked)
    return [...metrics.matchAll(/^redswarm_requests_total\{[^}]*\} (\d+)$/gm)].reduce(
      (sum, [, n]) => sum + Number(n),
      0,
    )
  }

  it('brings clients to either frontend with their own addresses, and lets one be taken out', async (ctx) => {
    skipWithout(ctx, missingNamespaces())
    const spaces = open()
    const frontends: ChildProcess[] = []
    try {
      spaces.run('balancer', 'sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1')
      for (const [space, via4, via6] of [
        ['frontends', '10.69.0.1', 'fd69::1'],
        ['clients', '10.68.0.1', 'fd68::1'],
      ] as const) {
        spaces.run(space, 'ip', 'route', 'add', 'default', 'via', via4)
        spaces.run(space, 'ip', '-6', 'route', 'add', 'default', 'via', via6)
      }
      spaces.run('balancer', 'nft', '-f', infraFile('nftables/redswarm.nft'))
      // Twice, as after an edit.
      spaces.run('balancer', 'nft', '-f', infraFile('nftables/redswarm.nft'))
      spaces.run('frontends', 'nft', '-f', infraFile('nftables/direct.nft'))
      frontends.push(...(await Promise.all([1, 2].map((number) => startFrontend(spaces, number)))))
      const ask = (...trackers: string[]) => {
        const asker = ['test/e2e/balancer/asker.ts', '6969', '7070', ...trackers]
        return JSON.parse(spaces.run('clients', process.execPath, ...asker)) as Told[]
      }
      const told = ask('10.68.0.1,10.68.0.2,10.68.0.3', 'fd68::1,fd68::2,fd68::3')
      expect(told.map(({ ids }) => ids)).toEqual([4, 4, 4, 4])
      expect(told.map(({ httpIp }) => httpIp)).toEqual([
        ...['0a440002', '0a440003'],
        ...[`fd68${'0'.repeat(27)}2`, `fd68${'0'.repeat(27)}3`],
      ])
      // The second of each family is told of the first one's peers.
      expect(told[1]?.peers).toMatch(/0a4400021b5[9abc]/)
      expect(told[3]?.peers).toMatch(new RegExp(`fd68${'0'.repeat(27)}21b5[9abc]`))
      // A flow is remembered for 5 s in the place of 30 to 120; where nobody has to, not at all.
      const left = trackedS(spaces, 'balancer')
      expect(left.length).toBeGreaterThan(10)
      expect(Math.max(...left)).toBeLessThanOrEqual(5)
      expect(trackedS(spaces, 'frontends')).toEqual([])
      for (const number of [1, 2]) expect(announcesOf(spaces, number)).toBeGreaterThan(5)
      const before = announcesOf(spaces, 2)
      spaces.run(
        'balancer',
        'nft',
        'delete element inet redswarm udp4 { 1 }; add element inet redswarm udp4 { 1 : 10.69.0.11 . 6969 }',
      )
      spaces.run(
        'balancer',
        'nft',
        'delete element inet redswarm http4 { 1 }; add element inet redswarm http4 { 1 : 10.69.0.11 . 7070 }',
      )
      expect(ask('10.68.0.1,10.68.0.2')[0]?.ids).toBe(4)
      expect(announcesOf(spaces, 2)).toBe(before)
    } finally {
      for (const child of frontends) child.kill('SIGKILL')
      spaces.remove()
    }
  })
})
