import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../../support/free-port.ts'
import { type Frontend, httpPlace, type Setup, type Subject } from '../subject.ts'
import type { BittorrentTrackerOptions } from './bittorrent-tracker-server.ts'

type Options = Partial<BittorrentTrackerOptions>

/** What is run of it. */
export function bittorrentTrackerVersion(): string {
  const manifest = new URL('../../support/bittorrent-tracker/package.json', import.meta.url)
  const { dependencies } = JSON.parse(readFileSync(manifest, 'utf8')) as { dependencies: Record<string, string> }
  return `${dependencies['bittorrent-tracker']} of npm`
}

/** Starts npm's bittorrent-tracker: one process that keeps its swarms in memory. */
export async function startBittorrentTracker(): Promise<Setup> {
  const setup = await start({})
  return { ...setup, subject: { ...setup.subject, setups: SETUPS } }
}

const SETUPS: Subject['setups'] = {
  shortPeerLifetime: () => start({ peersCacheTtl: 4000 }),
  trustedProxies: () => start({ trustProxy: true }),
  listed: () => start({ listed: true }),
  restart: () => start({}),
}

async function start(options: Options) {
  const ports = { udpPort: await freePort(), httpPort: await freePort() }
  let child = await startServer({ ...ports, ...options })
  const { udpPort, httpPort } = ports
  const frontend: Frontend = {
    udp4: { host: '127.0.0.1', port: udpPort },
    udp6: { host: '::1', port: udpPort },
    http4: httpPlace('127.0.0.1', httpPort),
    http6: httpPlace('::1', httpPort),
  }
  const kill = () => end(child)
  return {
    subject: { frontends: [frontend], setups: {} },
    stop: kill,
    kill,
    start: async () => {
      child = await startServer({ ...ports, ...options })
    },
    revive: async () => {
      if (isRunning(child)) return false
      child = await startServer({ ...ports, ...options })
      return true
    },
    list: async (infoHash: Buffer) => void child.send(infoHash.toString('hex')),
  }
}

async function startServer(options: BittorrentTrackerOptions): Promise<ChildProcess> {
  const script = join(import.meta.dirname, 'bittorrent-tracker-server.ts')
  const child = fork(script, [JSON.stringify(options)], { execArgv: [], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
  const ended = once(child, 'exit').then(() => Promise.reject(new Error('bittorrent-tracker ended before it served')))
  ended.catch(() => {})
  await Promise.race([once(child, 'message'), ended])
  return child
}

const isRunning = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode === null && signalCode === null

async function end(child: ChildProcess): Promise<void> {
  if (!isRunning(child)) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}
