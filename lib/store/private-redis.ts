import { type SpawnOptions, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, statSync } from 'node:fs'
import { readFile, rm, rmdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { messageOf, OperatorError } from '../errors.ts'
import type { Logger } from '../observe/log.ts'
import { fieldsOf } from './check-server.ts'
import { makePlaces, type Places, takeLock } from './data-folder.ts'

const LOG_BYTES_MAX = 10 * 1024 * 1024
const POLL_MS = 20
const ORPHAN_POLL_MS = 500
const LOADING_TOLD_EVERY_MS = 2000
const ANSWER_MS_MAX = 5000
/** What ioredis says where no answer came in that time. */
const TIMED_OUT = 'Command timed out'
const RESTART_MS_MIN = 100
const RESTART_MS_MAX = 5000
/** A server that has run this long started well: what stops it then is a new problem. */
const STEADY_MS = 10_000
/** Orchestrators grant 10 s in all before they kill. */
const SHUTDOWN_MS_MAX = 8000
const SIGNAL_MS_MAX = 1500
/** All that is not a default: an AOF and nothing else, on no port, and never a swarm thrown away to save memory. */
const SETTINGS = [
  ...['--port', '0', '--unixsocketperm', '700', '--daemonize', 'no', '--loglevel', 'notice'],
  ...['--appendonly', 'yes', '--appendfsync', 'everysec', '--save', '', '--maxmemory-policy', 'noeviction'],
]

/** The Redis of a tracker that runs alone: where it listens, and how to stop it with all its data on disk. */
export type PrivateRedis = { url: string; stop: () => Promise<void> }
type Options = { serverPath: string; dataDir: string; log: Logger }
type Context = Options & Places & { signal: AbortSignal }
/** A server, our child or one taken over; `ended` tells how, once it has. */
type Process = { pid?: number | undefined; ended?: string; gone: Promise<void> }

/**
 * Starts a Redis on the data folder, or takes over the one that a killed tracker left running there, and starts it again
 * whenever it stops. Throws an OperatorError where it cannot, or where another tracker runs on that folder.
 */
export async function startPrivateRedis(options: Options): Promise<PrivateRedis> {
  const places = await makePlaces(resolve(options.dataDir))
  const lock = await takeLock(places)
  const stopping = new AbortController()
  const context = { ...options, ...places, signal: stopping.signal }
  let server: Process | undefined
  // A way out other than stop() lets Redis save, too; only kill -9 leaves an orphan.
  const endWithUs = () => signalTo(server, 'SIGTERM')
  process.once('exit', endWithUs)
  const cleanUp = async () => {
    if (server) await end(server, places.socket)
    process.removeListener('exit', endWithUs)
    await new Promise((resolve) => lock.close(resolve))
    await rmdir(places.socketDir).catch(() => {}) // only the short folder is empty now
  }
  const start = async (found?: Process) => {
    server = found ?? spawnServer(context)
    await untilReady(server, context)
    return server
  }
  try {
    const first = await start(await findOrphan(context))
    if (first.ended) {
      const advice = `its log is ${places.logFile}; to begin with no data, move ${places.redisDir} away`
      const reason = await whyEnded(first, places.logFile)
      throw new OperatorError(`the private Redis did not start: ${reason}\n  ${advice}`)
    }
    const stopped = keepRunning(first, start, context).then(cleanUp)
    const stop = () => {
      stopping.abort()
      return stopped
    }
    return { url: `unix://${places.socket.split('/').map(encodeURIComponent).join('/')}`, stop }
  } catch (error) {
    await cleanUp()
    throw error
  }
}

/** Starts the server again whenever it ends, until told to stop. */
async function keepRunning(first: Process, start: () => Promise<Process>, context: Context): Promise<void> {
  const { logFile, log, signal } = context
  const stopped = new Promise((resolve) => signal.addEventListener('abort', resolve))
  let server = first
  for (let restartMs = RESTART_MS_MIN; ; restartMs = Math.min(2 * restartMs, RESTART_MS_MAX)) {
    await Promise.race([server.gone, stopped, sleep(STEADY_MS, undefined, { ref: false })])
    if (!server.ended) restartMs = RESTART_MS_MIN
    await Promise.race([server.gone, stopped])
    if (signal.aborted) return
    const reason = restartMs > RESTART_MS_MIN ? await whyEnded(server, logFile) : server.ended
    log.error({ reason, restartMs }, 'the private Redis has stopped; starting it again')
    await sleep(restartMs, undefined, { signal }).catch(() => {})
    if (signal.aborted) return
    server = await start()
    if (!server.ended) log.info({ pid: server.pid }, 'the private Redis runs again')
  }
}

/** In a session of its own, so that a Ctrl-C does not reach it before the frontends have drained. */
function spawnServer({ serverPath, redisDir, logFile, socket }: Context): Process {
  const { promise: gone, resolve } = Promise.withResolvers<void>()
  const server: Process = { gone }
  const endBy = (how: string) => {
    server.ended = how
    resolve()
  }
  try {
    const isLong = (statSync(logFile, { throwIfNoEntry: false })?.size ?? 0) > LOG_BYTES_MAX
    const output = openSync(logFile, isLong ? 'w' : 'a', 0o600)
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('REDSWARM_')))
    const options: SpawnOptions = { cwd: redisDir, detached: true, env, stdio: ['ignore', output, output] }
    const child = forUsAlone(() => spawn(serverPath, [...SETTINGS, '--unixsocket', socket], options))
    child.once('error', (error) => endBy(error.message))
    child.once('exit', (code, signal) => endBy(signal ? `killed by ${signal}` : `exit code ${code}`))
    closeSync(output)
    server.pid = child.pid
  } catch (error) {
    endBy(messageOf(error))
  }
  return server
}

/** Whatever is made meanwhile, and by a process that is started, nobody else can read: Redis makes its files for all to read. */
function forUsAlone<T>(act: () => T): T {
  const before = process.umask(0o077)
  try {
    return act()
  } finally {
    process.umask(before)
  }
}

/** The server that a killed tracker has left running: a second one on its data would ruin them. */
async function findOrphan({ redisDir, socket, log }: Context): Promise<Process | undefined> {
  const state = await stateOf(socket)
  if (state === 'absent') return undefined
  if (state === 'silent') throw new OperatorError(`the Redis on ${socket} does not answer\n  stop it first`)
  const [, itsDir] = (await ask(socket, 'CONFIG', 'GET', 'dir')) as string[]
  if (itsDir !== redisDir) throw new OperatorError(`a Redis of ${itsDir} is on ${socket}\n  stop it first`)
  const pid = Number(fieldsOf(String(await ask(socket, 'INFO', 'server'))).get('process_id'))
  log.warn({ pid }, 'taking over the private Redis of a tracker that was killed')
  return adopt(pid)
}

/** Follows a process that is not our child: nobody tells us when it ends. */
function adopt(pid: number): Process {
  const server: Process = { pid, gone: Promise.resolve() }
  const watch = async () => {
    while (isRunning(pid)) await sleep(ORPHAN_POLL_MS)
    server.ended = 'gone'
  }
  server.gone = watch()
  return server
}

/** A zombie does not run: in some containers no process asks how an orphan ended. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return process.platform !== 'linux' || !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch {
    return false
  }
}

/** Waits until a server serves, however long it loads its data; or until it ends, or is to stop. */
async function untilReady(server: Process, { socket, log, signal }: Context): Promise<void> {
  let toldAtMs = performance.now()
  while (!server.ended && !signal.aborted) {
    const state = await stateOf(socket)
    if (state === 'ready') return
    if (state === 'loading' && performance.now() - toldAtMs > LOADING_TOLD_EVERY_MS) {
      toldAtMs = performance.now()
      const info = fieldsOf(String(await ask(socket, 'INFO', 'persistence').catch(() => '')))
      log.info({ percent: Number(info.get('loading_loaded_perc')) }, 'the private Redis is loading its data')
    }
    await sleep(POLL_MS)
  }
}

/** SHUTDOWN brings the AOF to disk and ends the server; the signals are for one that does not hear it. */
async function end(server: Process, socket: string): Promise<void> {
  // One that obeys closes the connection as it ends: after that error it is gone at once, or did not hear.
  const unheard = ask(socket, 'SHUTDOWN').catch(({ message }: Error) =>
    sleep(message === TIMED_OUT ? SHUTDOWN_MS_MAX - ANSWER_MS_MAX : 2 * ORPHAN_POLL_MS),
  )
  await Promise.race([server.gone, unheard])
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    signalTo(server, signal)
    await Promise.race([server.gone, sleep(SIGNAL_MS_MAX)])
  }
  await rm(socket, { force: true })
}

function signalTo(server: Process | undefined, signal: NodeJS.Signals): void {
  if (!server?.pid || server.ended) return
  try {
    process.kill(server.pid, signal)
  } catch {
    // It has ended just now.
  }
}

async function stateOf(socket: string): Promise<'ready' | 'loading' | 'silent' | 'absent'> {
  try {
    await ask(socket, 'PING')
    return 'ready'
  } catch (error) {
    const { name, message } = error as Error
    if (message.startsWith('LOADING')) return 'loading'
    if (name === 'ReplyError') return 'ready' // such as MISCONF where the disk is full: it serves what it can
    return message === TIMED_OUT ? 'silent' : 'absent'
  }
}

/** One command on a connection of its own; throws the server's error, or the connection's. */
async function ask(socket: string, command: string, ...args: string[]): Promise<unknown> {
  const redis = new Redis({
    ...{ path: socket, protocol: 2, lazyConnect: true, enableReadyCheck: false, disableClientInfo: true },
    ...{ retryStrategy: () => null, maxRetriesPerRequest: 0, commandTimeout: ANSWER_MS_MAX },
  })
  redis.on('error', () => {}) // the command fails with it
  try {
    return await redis.call(command, ...args)
  } finally {
    redis.disconnect()
  }
}

/** How a server ended, and its last words: the end of its log without process number and time. */
async function whyEnded({ pid, ended }: Process, logFile: string): Promise<string> {
  const text = pid ? await readFile(logFile, 'utf8').catch(() => '') : ''
  const lines = text.split('\n').filter(Boolean).slice(-3)
  return [ended, ...lines.map((line) => line.replace(/^\d+:\w \d+ \w+ \d+ [\d:.]+ \S /, ''))].join('; ')
}
