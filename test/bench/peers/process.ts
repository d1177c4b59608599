import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { EVENT } from '../../../lib/wire/announce.ts'
import type { InfoHash } from '../../../lib/wire/info-hash.ts'
import { writeConnectRequest } from '../../../lib/wire/udp-request.ts'
import { killAtExit } from '../../support/at-exit.ts'
import { UdpClient } from '../../support/udp-client.ts'

/** A program that runs, and what it wrote to stderr last. */
export type Child = { process: ChildProcess; pid: number; stderr: () => string }

/** Enough to say why a program did not start. */
const STDERR_CHARS_MAX = 4000
const SERVES_MS_MAX = 30_000
const ENDS_MS_MAX = 10_000
const CONNECT_REPLY_BYTES = 16
/** Shorter ones say no more than that the list is not read yet. */
const ANNOUNCE_REPLY_BYTES_MIN = 20

/** The command line of the tracker that is measured, from any folder. */
export const MAIN = join(import.meta.dirname, '../../../services/main.ts')

/** The caller's environment without settings of the tracker: they must not change what is measured. */
export const foreignEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('REDSWARM_')))

/** Runs a program; what it writes is kept as far as it may tell why it failed. */
export function startChild(
  command: string,
  args: readonly string[],
  { env = {}, cwd }: { env?: Record<string, string>; cwd?: string } = {},
): Child {
  const child = spawn(command, args, {
    cwd,
    env: { ...foreignEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  killAtExit(child)
  let written = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      written = (written + text).slice(-STDERR_CHARS_MAX)
    })
  }
  child.on('error', (error) => {
    written += error.message
  })
  return { process: child, pid: child.pid ?? 0, stderr: () => written }
}

const isRunning = ({ pid, process: { exitCode, signalCode } }: Child): boolean =>
  pid !== 0 && exitCode === null && signalCode === null

/** Ends a program: by SIGTERM, and where that is not enough by SIGKILL. */
export async function endChild(child: Child): Promise<void> {
  if (!isRunning(child)) return
  const gone = once(child.process, 'exit')
  child.process.kill('SIGTERM')
  const timer = setTimeout(() => child.process.kill('SIGKILL'), ENDS_MS_MAX)
  await gone
  clearTimeout(timer)
}

/** Waits until a program does what it was started for. */
async function untilIt(child: Child, serves: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + SERVES_MS_MAX
  while (!(await serves())) {
    const name = child.process.spawnargs.join(' ')
    if (!isRunning(child)) throw new Error(`${name}: ended before it served\n${child.stderr()}`)
    if (performance.now() > deadlineMs) throw new Error(`${name}: does not serve\n${child.stderr()}`)
    await sleep(50)
  }
}

/** An answer on this machine takes less, unless nobody listens yet. */
const ANSWERS_MS_MAX = 200

/** Waits until a tracker answers connects over UDP, and announces of a torrent that it serves where one is given. */
export async function untilUdpServes(child: Child, port: number, infoHash?: InfoHash): Promise<void> {
  await untilIt(child, async () => {
    const client = await UdpClient.open(port)
    try {
      const connected = await client.exchange(writeConnectRequest(client.nextTransactionId()), ANSWERS_MS_MAX)
      if (!connected || connected.length < CONNECT_REPLY_BYTES) return false
      if (!infoHash) return true
      client.connectionId = connected.subarray(8, CONNECT_REPLY_BYTES)
      const reply = await client.exchange(client.announceRequest({ infoHash, event: EVENT.stopped }), ANSWERS_MS_MAX)
      return (reply?.length ?? 0) >= ANNOUNCE_REPLY_BYTES_MIN
    } finally {
      client.close()
    }
  })
}

/** Waits until somebody listens at a TCP port. */
export async function untilListens(child: Child, port: number): Promise<void> {
  await untilIt(child, async () => {
    const socket = connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      return true
    } catch {
      return false
    } finally {
      socket.destroy()
    }
  })
}

/** Resident memory of a process, in bytes. */
export function residentBytesOf(pid: number): number {
  const kB = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  if (kB === undefined) throw new Error(`process ${pid} has ended`)
  return Number(kB) * 1024
}
