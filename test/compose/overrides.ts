import { randomBytes } from 'node:crypto'
import { chmod, copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import bencode from 'bencode'
import { temporaryFolder } from '../support/at-exit.ts'
import { makeCertificates } from '../support/certificates.ts'
import { freePort } from '../support/free-port.ts'
import { docker, makeProject, run } from './engine.ts'
import type { Report } from './report.ts'
import { announce, expect, httpUrl, probing, type Scene, servedAgainAfterS, sleep, udpUrl } from './scene.ts'

const TRACKER = ['udp', 'http', 'api', 'sweeper']
const TRACKER_AND_BALANCER = [...TRACKER, 'nginx']
const TORRENTS = 12

/** What one override adds to the settings, and how it is shown to work once it is up. */
type Trial = {
  name: string
  services: readonly string[]
  files?: readonly string[]
  settings?: Record<string, string>
  works: (scene: Scene) => Promise<string>
}

/** Brings the stack up with an override, tries it, and takes it down. */
async function tryOverride(
  report: Report,
  scene: Scene,
  settings: Record<string, string>,
  trial: Trial,
): Promise<void> {
  const { name, services, files = [], works } = trial
  const overrides = [`infra/docker/${name}.yml`, ...files]
  const project = makeProject(`${scene.project.name}-${name}`, { ...settings, ...trial.settings }, overrides)
  const own = { ...scene, project }
  await report.step(`${name}: up`, async () => {
    await project.up(services)
    return `${(await project.all()).length} containers, all healthy`
  })
  await report.step(`${name}: works`, () => works(own))
  await report.step(`${name}: down`, async () => {
    const left = await project.down()
    expect(left.length === 0, `left: ${left.join(', ')}`)
    return 'nothing is left'
  })
}

/** Tries each override file that is among the parts. */
export async function tryOverrides(
  report: Report,
  scene: Scene,
  { settings, parts }: { settings: Record<string, string>; parts: readonly string[] },
): Promise<void> {
  const withMaster = (name: string, services: readonly string[]): Trial => ({
    name,
    services,
    works: async (own) => `${await failover(own, 'redis')}; ${await survives(own)}`,
  })
  const trials = [
    withMaster('cluster', TRACKER_AND_BALANCER),
    withMaster('sentinel', TRACKER_AND_BALANCER),
    await tlsTrial(scene),
    await hostNetworkTrial(scene),
  ]
  for (const trial of trials.filter(({ name }) => parts.includes(name)))
    await tryOverride(report, scene, settings, trial)
}

/** Kills a master while peers announce. */
async function failover(scene: Scene, master: string): Promise<string> {
  let killedMs = 0
  const probes = await probing(scene, { rate: 100, torrents: TORRENTS }, async () => {
    await sleep(2000)
    const [victim] = await scene.project.of(master)
    killedMs = Date.now()
    await docker('kill', victim?.Name ?? '')
    await sleep(15_000)
  })
  const before = probes.filter(({ sentMs, problem }) => sentMs < killedMs && problem).length
  const again = servedAgainAfterS(probes, killedMs, TORRENTS)
  const text = `a master was killed: all of ${TORRENTS} torrents are served again after ${again.toFixed(1)} s`
  expect(Number.isFinite(again) && before === 0, `${text}; ${before} announces failed before it`)
  return text
}

/** A peer that was announced is still there after the containers were removed, and made again. */
async function survives(scene: Scene): Promise<string> {
  const [a, b] = scene.network.clients
  const hash = randomBytes(20).toString('hex')
  await announce(a, udpUrl(scene), hash, '--left', '0')
  await sleep(1500)
  await scene.project.compose('down', '-t', '10')
  await scene.project.up(TRACKER_AND_BALANCER)
  const told = await announce(b, httpUrl(scene), hash)
  const isThere = typeof told !== 'string' && told.peers.some(({ address }) => address === a.address)
  expect(isThere, `after down and up: ${JSON.stringify(told)}`)
  return 'its peers outlast down and up'
}

async function tlsTrial(scene: Scene): Promise<Trial> {
  const { path: folder } = await temporaryFolder('compose-tls')
  const { ca, cert, key } = await makeCertificates([scene.network.host])
  await copyFile(cert, join(folder, 'tls.crt'))
  await copyFile(key, join(folder, 'tls.key'))
  // nginx reads it as a user of its own.
  await chmod(folder, 0o755)
  await chmod(join(folder, 'tls.key'), 0o644)
  return {
    name: 'tls',
    services: ['http', 'nginx'],
    settings: { TLS_FOLDER: folder, HTTPS_PORT: String(scene.ports.https) },
    works: async ({ network, ports }) => {
      const [a, b] = network.clients
      const hash = randomBytes(20).toString('hex').replace(/../g, '%$&')
      const base = `https://${network.host}:${ports.https}/announce?info_hash=${hash}&peer_id=-RS0001-abcdefghijkl&port=6881&left=`
      const ask = (place: typeof a, left: number) =>
        run(place.within[0] ?? '', [
          ...place.within.slice(1),
          process.execPath,
          'test/compose/https-get.ts',
          `${base}${left}`,
          ca,
        ])
      await ask(a, 0)
      const { stdout, stderr } = await ask(b, 5)
      const reply = bencode.decode(Buffer.from(stdout, 'hex')) as { peers?: Uint8Array }
      const peers = Buffer.from(reply.peers ?? [])
      expect([...peers.subarray(0, 4)].join('.') === a.address, `answered: ${stdout || stderr}`)
      return `https://${network.host}:${ports.https}/announce, checked against an authority of its own; the peer that it tells of is at ${a.address}`
    },
  }
}

/** Ports of this machine's, by a file of its own: nothing else in it is changed. */
async function hostNetworkTrial(scene: Scene): Promise<Trial> {
  const { path: folder } = await temporaryFolder('compose-host')
  const { udp, http } = scene.ports
  const [metrics, api, health] = [await freePort(), await freePort(), await freePort()]
  const lines = ['services:']
  for (const [i, role] of TRACKER.entries()) {
    lines.push(`  ${role}:`, '    environment:')
    lines.push(
      `      REDSWARM_UDP_LISTEN: "0.0.0.0:${udp},[::]:${udp}"`,
      `      REDSWARM_HTTP_LISTEN: "0.0.0.0:${http},[::]:${http}"`,
    )
    lines.push(`      REDSWARM_API_LISTEN: "127.0.0.1:${api}"`, `      REDSWARM_HEALTH_LISTEN: "127.0.0.1:${health}"`)
    lines.push(`      REDSWARM_METRICS_LISTEN: "127.0.0.1:${metrics + 10 * i}"`)
  }
  const ports = join(folder, 'ports.yml')
  await writeFile(ports, `${lines.join('\n')}\n`)
  return {
    name: 'host-network',
    services: TRACKER,
    files: [ports],
    works: async (own) => {
      const [a, b] = own.network.clients
      const hash = randomBytes(20).toString('hex')
      await announce(a, udpUrl(own), hash, '--left', '0')
      const told = await announce(b, httpUrl(own), hash)
      const has = (answer: typeof told, address: string) =>
        typeof answer !== 'string' && answer.peers.some((peer) => peer.address === address)
      expect(has(told, a.address), `by IPv4: ${JSON.stringify(told)}`)
      await announce(a, udpUrl(own, `[${own.network.host6}]`), hash, '--left', '0')
      const told6 = await announce(b, udpUrl(own, `[${own.network.host6}]`), hash)
      expect(
        typeof told6 !== 'string' && told6.peers.some(({ address }) => address.startsWith('fd77')),
        `by IPv6: ${JSON.stringify(told6)}`,
      )
      return 'two UDP processes on one port, two of HTTP; clients have their own addresses, by IPv4 and IPv6'
    },
  }
}
