import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import bencode from 'bencode'
import { aria2 } from '../e2e/clients/aria2.ts'
import { libtorrent } from '../e2e/clients/libtorrent.ts'
import type { Counts } from '../e2e/tracker.ts'
import { moveFile } from '../e2e/transfer.ts'
import { killAtExit } from '../support/at-exit.ts'
import { readSwarm, takeSnapshot } from '../support/read-swarm.ts'
import { addressIn } from './engine.ts'
import type { Report } from './report.ts'
import { announce, expect, httpUrl, loadUdp, type Scene, sleep, type Told, udpUrl, until, withRedis } from './scene.ts'

/** More than frontends times two: if one were taken out, some would not be answered. */
const ANNOUNCES = 8

/** Endpoints of a swarm's peers as Redis has them: addresses as text. */
async function addressesOf(scene: Scene, hex: string): Promise<string[]> {
  const swarm = await withRedis(scene, (redis) => readSwarm(redis, hex))
  const text = (endpoint: string) => [...Buffer.from(endpoint, 'hex').subarray(0, -2)].join('.')
  return [...(swarm?.peers.keys() ?? [])].map(text).sort()
}

/** Real clients at addresses of their own move a file, by each protocol, and Redis has their own addresses. */
export async function download(report: Report, scene: Scene): Promise<void> {
  const [a, b] = scene.network.clients
  const pairs = [
    [libtorrent, aria2],
    [aria2, libtorrent],
  ] as const
  for (const over of ['udp', 'http'] as const) {
    for (const [seeder, leecher] of pairs) {
      const name = `${seeder.name} to ${leecher.name}, ${over}`
      const why = seeder.missing() ?? leecher.missing()
      if (why) {
        report.notRun(name, why)
        continue
      }
      await report.step(name, async () => {
        const tracker = {
          announceUrl: { udp: `${udpUrl(scene)}/announce`, http: httpUrl(scene) },
          scrape: (infoHash: Buffer) => scrape(scene, infoHash),
        }
        let seen: string[] = []
        await moveFile(
          tracker,
          { client: seeder, over, at: a },
          { client: leecher, over, at: b },
          async ({ infoHash }) => {
            seen = await addressesOf(scene, infoHash.toString('hex'))
          },
        )
        expect(seen.join() === [a.address, b.address].sort().join(), `Redis has peers at ${seen.join(', ')}`)
        return `1 MiB, the same on both sides; in Redis: ${seen.join(', ')}`
      })
    }
  }
}

async function scrape(scene: Scene, infoHash: Buffer): Promise<Counts> {
  const url = httpUrl(scene).replace(/announce$/, 'scrape')
  const response = await fetch(`${url}?info_hash=${infoHash.toString('hex').replace(/../g, '%$&')}`)
  const reply = bencode.decode(Buffer.from(await response.arrayBuffer())) as { files?: Record<string, Counts> }
  const [counts] = Object.values(reply.files ?? {})
  return counts ?? { complete: 0, incomplete: 0, downloaded: 0 }
}

/** Whoever comes by way of the engine's own proxy has the gateway's address: it is refused, and stored nowhere. */
export async function hiddenClients(scene: Scene): Promise<string> {
  const hash = randomBytes(20).toString('hex')
  const asked = [
    ['udp at 127.0.0.1', udpUrl(scene, '127.0.0.1')],
    ['http at 127.0.0.1', httpUrl(scene, '127.0.0.1')],
    ['udp at ::1', udpUrl(scene, '[::1]')],
    ['http at ::1', httpUrl(scene, '[::1]')],
  ] as const
  const answers = await Promise.all(asked.map(([, url]) => announce(undefined, url, hash)))
  const served = asked.filter((_, i) => typeof answers[i] !== 'string').map(([way]) => way)
  expect(served.length === 0, `answered: ${served.join(', ')}`)
  const places = await withRedis(scene, (redis) => takeSnapshot(redis, `swarm:{${hash.slice(0, 3)}}:${hash}*`))
  expect(places.size === 0, 'a peer was stored')
  return `no answer by UDP, a failure reason by HTTP ("${answers[1]}"); nothing stored`
}

/** From elsewhere by IPv6: with its own address where the engine translates IPv6, refused where it does not. */
export async function ipv6(scene: Scene): Promise<string> {
  const [a] = scene.network.clients
  const hash = randomBytes(20).toString('hex')
  const told = await announce(a, httpUrl(scene, `[${scene.network.host6}]`), hash)
  const swarm = await withRedis(scene, (redis) => readSwarm(redis, hash))
  const endpoints = [...(swarm?.peers.keys() ?? [])]
  if (typeof told === 'string') {
    expect(endpoints.length === 0, `refused, and stored: ${endpoints.join()}`)
    return `this engine hides IPv6 sources (before 27, without ip6tables): refused ("${told}"), nothing stored`
  }
  expect(endpoints.join().startsWith('fd77'), `stored at ${endpoints.join()}`)
  return 'answered; Redis has the IPv6 address of the client'
}

/** Anybody can send what a frontend is silent on: the frontends stay in service. */
export async function garbage(scene: Scene): Promise<string> {
  const [a, b] = scene.network.clients
  const { host } = scene.network
  const send = `const s = require('dgram').createSocket('udp4'); s.bind(() => setInterval(() => s.send(Buffer.alloc(40, 7), ${scene.ports.udp}, '${host}'), 5))`
  const [command = '', ...words] = a.within
  const sending = spawn(command, [...words, process.execPath, '-e', send], { stdio: 'ignore' })
  killAtExit(sending)
  const told: Told[] = []
  try {
    await sleep(1000)
    for (let i = 0; i < ANNOUNCES; i++)
      told.push(await announce(b, udpUrl(scene), randomBytes(20).toString('hex'), '--timeout', '0.9'))
  } finally {
    sending.kill('SIGKILL')
  }
  const refused = told.filter((each) => typeof each === 'string')
  expect(refused.length === 0, `${refused.length} of ${told.length} announces were not answered: ${refused[0]}`)
  return `200 datagrams of garbage a second; ${told.length} announces meanwhile, each answered at once`
}

const FOUR = 4
const UDP_REQUESTS = /^redswarm_requests_total\{[^}]*protocol="udp"[^}]*\} (\d+)/gm

/** Four frontends in the place of two: each gets its share, without the balancer being told. */
export async function scale(scene: Scene): Promise<string> {
  const { project } = scene
  const counted = async () =>
    Promise.all(
      (await project.of('udp')).map(async (container) => {
        const text = await (await fetch(`http://${addressIn(project, 'inner', container)}:9464/metrics`)).text()
        return Array.from(text.matchAll(UDP_REQUESTS), ([, count]) => Number(count)).reduce((sum, n) => sum + n, 0)
      }),
    )
  let counts: number[] = []
  const allServe = async () => {
    counts = await counted()
    return counts.length === FOUR && counts.every((count) => count > 20)
  }
  let seconds = 0
  const { lost, responses } = await loadUdp(scene, { rate: 100, seconds: 15 }, async () => {
    await project.compose('up', '-d', '--no-build', '--no-recreate', '--scale', `udp=${FOUR}`, 'udp')
    seconds = await until('all four have traffic', allServe, 12)
  })
  await project.compose('up', '-d', '--no-build', '--no-recreate', '--scale', 'udp=2', 'udp')
  return `all four have traffic ${seconds.toFixed(1)} s after they were started (${counts.join(', ')} requests by then); ${lost} of ${responses + lost} lost, sent to a frontend before it listened`
}

/** No container has written a client's address into its log, whatever became of what it sent. */
export async function logs({ project, network }: Scene): Promise<string> {
  const lines = (await project.compose('logs', '--no-color')).split('\n')
  const telling = lines.filter((line) => network.clients.some((client) => line.includes(client.address)))
  expect(telling.length === 0, `${telling.length} lines have a client's address: ${telling[0]}`)
  return `${lines.length} lines, none with a client's address`
}

/** Prometheus has found each process. */
export async function scraped(port: number): Promise<string> {
  type Targets = { data: { activeTargets: { health: string }[] } }
  const health = async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/targets?state=active`)
    return ((await answer.json()) as Targets).data.activeTargets.map((target) => target.health)
  }
  const isWell = async () => {
    const all = await health()
    return all.length === 6 && all.every((each) => each === 'up')
  }
  await until('6 targets that are up', isWell, 40)
  return `${(await health()).length} targets, all up`
}
