import { existsSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { makePlaces } from './data-folder.ts'

/** The URL of the private Redis that a running tracker has on a data folder; undefined where none runs. Makes no folder. */
export async function runningRedisUrl(dataDir: string): Promise<string | undefined> {
  if (!existsSync(join(dataDir, 'redis'))) return undefined
  const { socket } = await makePlaces(dataDir)
  if (!(await isListenedTo(socket))) return undefined
  return `unix://${socket.split('/').map(encodeURIComponent).join('/')}`
}

/** A killed Redis leaves its socket behind, and nobody listens on it. */
function isListenedTo(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
