import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Redis } from 'ioredis'
import type { LoadReport } from '../../services/load/report.ts'
import { killAtExit } from '../support/at-exit.ts'
import { hashOf } from '../support/store.ts'
import type { ClientNetwork, Place } from './client-network.ts'
import { addressIn, type Ended, type Project, run } from './engine.ts'

/** A stack that runs, and who asks it. */
export type Scene = {
  project: Project
  network: ClientNetwork
  ports: { udp: number; http: number; api: number; https: number }
  image: string
}

export const udpUrl = ({ network, ports }: Scene, host = network.host): string => `udp://${host}:${ports.udp}`
export const httpUrl = ({ network, ports }: Scene, host = network.host): string =>
  `http://${host}:${ports.http}/announce`

/** Runs the command line where a client is, or on this machine. */
export function redswarm(place: Place | undefined, ...args: string[]): Promise<Ended> {
  const [command = '', ...words] = [...(place?.within ?? []), process.execPath, 'services/main.ts', ...args]
  return run(command, words)
}

/** What an announce by the command line tells; its failure as text. */
export type Told = { peers: { address: string; port: number }[]; seeders: number; leechers: number } | string

/** Announces a torrent by the command line. */
export async function announce(place: Place | undefined, url: string, hash: string, ...args: string[]): Promise<Told> {
  const { stdout, stderr } = await redswarm(place, 'announce', url, hash, '--json', '--timeout', '8', ...args)
  const told = JSON.parse(stdout || '{}') as Exclude<Told, string> & { error?: { message: string } }
  return stdout === '' || told.error ? (told.error?.message ?? stderr.trim()) : told
}

/** Loads the UDP tracker from where the first client is; `meanwhile` runs from when the measured seconds begin. */
export async function loadUdp(
  scene: Scene,
  { rate, seconds }: { rate: number; seconds: number },
  meanwhile: () => Promise<void>,
): Promise<LoadReport> {
  const size = ['--peers', '500', '--torrents', '100', '--outstanding', '4096']
  const options = ['--remote', '--json', '--rate', String(rate), '--seconds', String(seconds), ...size]
  const [command = '', ...words] = scene.network.clients[0].within
  const args = [...words, process.execPath, 'test/tools/load-alone.ts', 'load', 'udp', udpUrl(scene), ...options]
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  killAtExit(child)
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const closed = once(child, 'close')
  await until('the load measures', async () => stderr.includes('loading'), 30)
  await meanwhile()
  await closed
  if (stdout === '') throw new Error(`the load told nothing: ${stderr}`)
  return JSON.parse(stdout) as LoadReport
}

/** A client of the Redis of a project, from this machine: that of no override but those that keep it. */
export async function withRedis<T>({ project }: Scene, use: (redis: Redis) => Promise<T>): Promise<T> {
  const [container] = await project.of('redis')
  const redis = new Redis({ host: addressIn(project, 'inner', container), protocol: 2, maxRetriesPerRequest: 5 })
  try {
    return await use(redis)
  } finally {
    redis.disconnect()
  }
}

/** An answer that the prober got, or did not. */
export type Probe = { port: number; torrent: number; sentMs: number; answeredMs: number; problem?: string }

/** The torrents of the prober, spread over the slots of a Cluster. */
export const probedHash = (torrent: number) => hashOf(((torrent * 293) % 4096).toString(16).padStart(3, '0'))

/** New peers that are announced at a steady rate while something happens. */
export async function probing(
  scene: Scene,
  { rate, torrents }: { rate: number; torrents: number },
  meanwhile: (probes: readonly Probe[]) => Promise<void>,
): Promise<Probe[]> {
  const [{ within }] = scene.network.clients
  const script = [process.execPath, 'test/compose/prober.ts', scene.network.host, scene.ports.udp, rate, torrents]
  const [command = '', ...args] = [...within, ...script.map(String)]
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  killAtExit(child)
  const probes: Probe[] = []
  let rest = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    probes.push(...lines.map((line) => JSON.parse(line) as Probe))
  })
  const closed = once(child, 'close')
  try {
    await meanwhile(probes)
  } finally {
    child.stdin.end()
    await closed
  }
  if (probes.length === 0) throw new Error('the prober got no answer')
  return probes
}

/** How long after a moment each torrent was served again, the slowest of them, in seconds. */
export function servedAgainAfterS(probes: readonly Probe[], momentMs: number, torrents: number): number {
  const firsts = Array.from({ length: torrents }, (_, torrent) =>
    Math.min(
      ...probes
        .filter((probe) => probe.torrent === torrent && probe.sentMs > momentMs && !probe.problem)
        .map(({ answeredMs }) => answeredMs),
    ),
  )
  return (Math.max(...firsts) - momentMs) / 1000
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Waits until it is so; how long that took, in seconds. */
export async function until(what: string, isSo: () => Promise<boolean>, secondsMax: number): Promise<number> {
  const fromMs = performance.now()
  while (!(await isSo().catch(() => false))) {
    if (performance.now() - fromMs > secondsMax * 1000) throw new Error(`${what}: not within ${secondsMax} s`)
    await sleep(50)
  }
  return (performance.now() - fromMs) / 1000
}

/** Fails, with these words, where something is not so. */
export function expect(isSo: boolean, words: string): void {
  if (!isSo) throw new Error(words)
}
