import { createHash } from 'node:crypto'
import { lstat, mkdir, realpath, rename, rm } from 'node:fs/promises'
import { createConnection, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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

/** Listens on a socket that tells other trackers of this one; throws where another does. */
export async function takeLock({ dataDir, socketDir }: Places): Promise<Server> {
  const path = join(socketDir, 'up.sock')
  const aside = join(socketDir, `up.${process.pid}`)
  for (;;) {
    const lock = createServer((socket) => socket.destroy()).unref()
    if (await listens(lock, path)) return lock
    if (await isAnswered(path)) break
    // Moved away before it is removed: another tracker may have put its own in its place since we asked.
    await rename(path, aside).catch((error: NodeJS.ErrnoException) => {
      // Where we may not move it, we never shall: what we wait for would not come.
      if (error.code !== 'ENOENT')
        throw new OperatorError(`cannot remove what a killed redswarm left: ${error.message}`)
    })
    if (await isAnswered(aside)) {
      await rename(aside, path)
      break
    }
    await rm(aside, { force: true })
  }
  throw new OperatorError(
    `another redswarm is running on ${dataDir}\n  stop it, or set REDSWARM_DATA_DIR to another folder`,
  )
}

function listens(lock: Server, path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    lock.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false)
      else reject(new OperatorError(`cannot make a socket in the data folder: ${error.message}`))
    })
    lock.listen(path, () => resolve(true))
  })
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path, () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT'))
  })
}
