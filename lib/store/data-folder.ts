import { createHash, randomBytes } from 'node:crypto'
import { lstat, mkdir, readdir, realpath, rm } from 'node:fs/promises'
import { createConnection, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf, OperatorError } from '../errors.ts'

/** What `sun_path` holds beside its end mark: of 108 bytes on Linux, 104 on macOS. */
const SOCKET_PATH_BYTES_MAX = process.platform === 'darwin' ? 103 : 107

/** Where a tracker that runs alone keeps its data, and the sockets to it. */
export type Places = { dataDir: string; redisDir: string; logFile: string; socketDir: string; socket: string }

/** Makes the folders of a data folder, for us alone; throws an OperatorError where it cannot. */
export async function makePlaces(folder: string): Promise<Places> {
  try {
    await mkdir(join(folder, 'redis'), { recursive: true, mode: 0o700 })
    const dataDir = await realpath(folder) // as Redis tells it; and one folder has one lock, whatever leads to it
    const isShort = Buffer.byteLength(join(dataDir, 'redis.sock')) <= SOCKET_PATH_BYTES_MAX
    const socketDir = isShort ? dataDir : await shortFolder(dataDir)
    const redisDir = join(dataDir, 'redis')
    return { dataDir, redisDir, logFile: join(redisDir, 'redis.log'), socketDir, socket: join(socketDir, 'redis.sock') }
  } catch (error) {
    throw new OperatorError(
      `cannot keep data in ${folder}: ${messageOf(error)}\n  set REDSWARM_DATA_DIR to another folder`,
    )
  }
}

/** The folder for the sockets where the path of the data folder is too long for one. */
async function shortFolder(dataDir: string): Promise<string> {
  const digits = createHash('sha256').update(dataDir).digest('hex').slice(0, 12)
  const folder = join(tmpdir(), `redswarm-${digits}`)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const found = await lstat(folder)
  // Anybody may have made it before us, and would then hold the way to our data.
  if (found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o077) === 0) return folder
  throw new Error(`its path is too long for a socket, and ${folder} does not belong to us alone`)
}

/** What a tracker answers whoever asks: that it has the folder, or that it is about to take it. */
const HELD = 'held'
const CLAIMED = 'claimed'
const LOCK_NAME = /^up\./
const ANSWER_MS_MAX = 2000
const POLL_MS = 20

/**
 * Takes a folder: listens on a socket there for as long as it has it; throws where another tracker does. The name is
 * never used again, so that a socket on which nobody answers can be removed without a look at who came since. Each
 * listens first and looks then: of two that start at once, the later sees the earlier, and the first by name goes on.
 */
export async function takeLock({ dataDir, socketDir }: Places): Promise<Server> {
  const own = `up.${randomBytes(3).toString('hex')}`
  let answer = CLAIMED
  const lock = createServer((socket) => socket.on('error', () => {}).end(answer, () => socket.destroy())).unref()
  await listen(lock, join(socketDir, own))
  for (;;) {
    const others = await askOthers(socketDir, own)
    if (others.length === 0) {
      answer = HELD
      return lock
    }
    if (others.some(({ name, state }) => state === HELD || name < own)) break
    await sleep(POLL_MS) // they have seen us, and give way
  }
  lock.close()
  throw new OperatorError(
    `another redswarm is running on ${dataDir}\n  stop it, or set REDSWARM_DATA_DIR to another folder`,
  )
}

function listen(lock: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    lock.on('error', ({ message }) =>
      reject(
        new OperatorError(`cannot make a socket in the data folder: ${message}\n  set REDSWARM_DATA_DIR to another`),
      ),
    )
    lock.listen(path, resolve)
  })
}

type State = 'gone' | typeof HELD | typeof CLAIMED

/** The other trackers of a folder; what those that are gone have left is removed. */
async function askOthers(socketDir: string, own: string): Promise<{ name: string; state: State }[]> {
  const names = (await readdir(socketDir)).filter((name) => LOCK_NAME.test(name) && name !== own)
  const asked = names.map(async (name) => {
    const path = join(socketDir, name)
    const state = await stateOf(path)
    // Where it may not be removed, it does no harm: nobody is there.
    if (state === 'gone') await rm(path, { force: true }).catch(() => {})
    return { name, state }
  })
  return (await Promise.all(asked)).filter(({ state }) => state !== 'gone')
}

/** Silence, or an answer that is not understood, is of a tracker that is there. */
function stateOf(path: string): Promise<State> {
  return new Promise((resolve) => {
    let text = ''
    const socket = createConnection(path).setEncoding('latin1').setTimeout(ANSWER_MS_MAX)
    socket.on('data', (part) => {
      text += part
    })
    socket.once('timeout', () => socket.destroy())
    socket.once('close', () => resolve(text === CLAIMED ? CLAIMED : HELD))
    socket.once('error', ({ code }: NodeJS.ErrnoException) => {
      if (code === 'ECONNREFUSED' || code === 'ENOENT') resolve('gone')
      else if (code === 'ECONNRESET' || code === 'EPIPE') resolve(CLAIMED) // it gives way, or stops: ask again
    })
  })
}
