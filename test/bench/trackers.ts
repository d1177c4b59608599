import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { freePort } from '../support/free-port.ts'
import { startRedis } from '../support/redis.ts'

/** A tracker under load, with the processes whose CPU counts. */
export type RunningTracker = { port: number; pids: Record<string, number>; stop: () => Promise<void> }

/** Starts a tracker of its own, empty. */
export type StartTracker = () => Promise<RunningTracker>

/** Redswarm's UDP frontend on a Redis of its own, AOF every second, peers' details kept or not. */
export const startRedswarm =
  (details: boolean): StartTracker =>
  async () => {
    const redis = await startRedis('--appendonly', 'yes', '--appendfsync', 'everysec')
    const port = await freePort()
    const frontend = await startChild(['services/main.ts', 'udp'], {
      REDSWARM_REDIS_URL: redis.url,
      REDSWARM_UDP_LISTEN: `127.0.0.1:${port}`,
      REDSWARM_PEER_DETAILS: String(details),
    })
    const stop = async () => {
      await endChild(frontend)
      await redis.stop()
    }
    return { port, pids: { frontend: frontend.pid as number, Redis: redis.process.pid as number }, stop }
  }

/** npm's bittorrent-tracker, in memory. */
export const startBittorrentTracker: StartTracker = async () => {
  const port = await freePort()
  const server = await startChild(['test/bench/bittorrent-tracker-server.ts', String(port)], {})
  return { port, pids: { server: server.pid as number }, stop: () => endChild(server) }
}

/** Starts a program of this repository, and waits for its first line of output. */
async function startChild(args: string[], env: Record<string, string>): Promise<ChildProcess> {
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] })
  const failed = once(child, 'exit').then(() => Promise.reject(new Error(`${args[0]} ended before it served`)))
  failed.catch(() => {})
  await Promise.race([once(child.stdout as NodeJS.ReadableStream, 'data'), failed])
  child.stdout?.resume()
  return child
}

async function endChild(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  await gone
}

/** Clock ticks of /proc per second: 100 on every Linux that Node runs on. */
const TICKS_PER_S = 100

/** CPU time of a process so far, all its threads, in seconds. */
export function cpuSecondsOf(pid: number): number {
  // The name, in brackets, may hold anything: what is counted comes after it.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S
}

/** Resident memory of a process, in bytes. */
export const residentBytesOf = (pid: number): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
