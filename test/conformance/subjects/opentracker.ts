import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../support/free-port.ts'
import { EVENTS, UdpPeer } from '../client/udp.ts'
import { httpPlace, type Setup, type Subject } from '../subject.ts'

const PACKAGE = 'opentracker'
/** Listed, and named by no case. */
const SENTINEL = Buffer.alloc(20, 's')
const SERVES_MS_MAX = 10_000

const versionOf = (): string | undefined => {
  const { stdout } = spawnSync('dpkg', ['-s', PACKAGE], { encoding: 'utf8' })
  return /^Status: .* installed$/m.test(stdout ?? '') ? /^Version: (\S+)$/m.exec(stdout)?.[1] : undefined
}

/** Installs Debian's package where it is missing and that can be done without asking. Throws where it cannot. */
export function installOpentracker(): void {
  if (versionOf() !== undefined) return
  const prefix = process.getuid?.() === 0 ? [] : ['sudo', '-n']
  // RUNLEVEL=1: its service is not started.
  const settings = ['env', 'LC_ALL=C', 'DEBIAN_FRONTEND=noninteractive', 'RUNLEVEL=1']
  const [command = '', ...args] = [
    ...prefix,
    ...settings,
    'apt-get',
    'install',
    '-y',
    '--no-install-recommends',
    PACKAGE,
  ]
  const { status } = spawnSync(command, args, { stdio: 'ignore' })
  if (status !== 0) throw new Error(`${PACKAGE} is not installed: apt-get install ${PACKAGE}`)
}

/** What is run of it. */
export const opentrackerVersion = (): string => `${versionOf()} of Debian, IPv4 only`

/** Starts opentracker: one process that keeps its swarms in memory, as Debian builds it: it serves what is listed. */
export async function startOpentracker(infoHashes: readonly Buffer[]): Promise<Setup> {
  const setup = await start(infoHashes)
  const setups: Subject['setups'] = { listed: () => start([]), restart: () => start(infoHashes) }
  return { ...setup, subject: { ...setup.subject, setups } }
}

const line = (infoHash: Buffer): string => `${infoHash.toString('hex')}\n`

async function start(infoHashes: readonly Buffer[]) {
  const folder = await mkdtemp(join(tmpdir(), 'redswarm-opentracker-'))
  // As root it becomes nobody before it reads the list, and the folder is its root then: names are relative to it.
  await chmod(folder, 0o755)
  const [listFile, configFile] = [join(folder, 'listed'), join(folder, 'config')]
  await writeFile(listFile, [SENTINEL, ...infoHashes].map(line).join(''))
  const port = await freePort()
  const settings = [`listen.tcp_udp 127.0.0.1:${port}`, `tracker.rootdir ${folder}`, 'access.whitelist listed']
  await writeFile(configFile, `${settings.join('\n')}\n`)
  let child = await startServer(configFile, port)
  const kill = () => end(child)
  return {
    subject: {
      frontends: [{ udp4: { host: '127.0.0.1', port }, http4: httpPlace('127.0.0.1', port) }],
      setups: {},
    },
    kill,
    start: async () => {
      child = await startServer(configFile, port)
    },
    revive: async () => {
      if (isRunning(child)) return false
      child = await startServer(configFile, port)
      return true
    },
    list: async (infoHash: Buffer) => {
      await appendFile(listFile, line(infoHash))
      child.kill('SIGHUP')
    },
    stop: async () => {
      await kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function startServer(configFile: string, port: number): Promise<ChildProcess> {
  const child = spawn(PACKAGE, ['-f', configFile], { stdio: 'ignore' })
  const deadlineMs = performance.now() + SERVES_MS_MAX
  const peer = await UdpPeer.open({ host: '127.0.0.1', port })
  while (!(await isServing(peer))) {
    if (!isRunning(child) || performance.now() > deadlineMs) throw new Error(`${PACKAGE} does not serve`)
    await sleep(50)
  }
  peer.close()
  return child
}

/** It reads the list while it serves already: what is listed is answered with more than a head then. */
async function isServing(peer: UdpPeer): Promise<boolean> {
  const connected = await peer.exchange(peer.connectRequest(), 100)
  if (!connected) return false
  peer.connectionId = connected.subarray(8, 16)
  const reply = await peer.exchange(peer.announceRequest({ infoHash: SENTINEL, event: EVENTS.stopped }), 100)
  return (reply?.length ?? 0) >= 20
}

const isRunning = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode === null && signalCode === null

async function end(child: ChildProcess): Promise<void> {
  if (!isRunning(child)) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}
