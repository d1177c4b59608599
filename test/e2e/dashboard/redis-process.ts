import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { findRedis } from '../../../services/cli/setup.mjs'
import { killAtExit, temporaryFolder } from '../../support/at-exit.ts'

/** A Redis that can be ended and started again on the same socket, as an operator's is. */
export type RedisProcess = {
  url: string
  redis: Redis
  signal: (signal: NodeJS.Signals) => void
  end: () => Promise<void>
  start: () => Promise<void>
  stop: () => Promise<void>
}

export async function startRedisProcess(): Promise<RedisProcess> {
  const { path: folder, remove } = await temporaryFolder('dashboard')
  const socket = join(folder, 's')
  const command = (await findRedis({ install: false }))?.path ?? 'redis-server'
  const args = ['--port', '0', '--unixsocket', socket, '--dir', folder, '--save', '', '--appendonly', 'yes']
  let child: ChildProcess | undefined
  const redis = new Redis({
    path: socket,
    protocol: 2,
    lazyConnect: true,
    retryStrategy: () => 20,
    maxRetriesPerRequest: null,
  })
  redis.on('error', () => {})
  const start = async (): Promise<void> => {
    child = spawn(command, args, { stdio: 'ignore' })
    killAtExit(child)
    await redis.ping()
  }
  const end = async (): Promise<void> => {
    const gone = child && once(child, 'exit')
    child?.kill('SIGKILL')
    await gone
  }
  await start()
  return {
    url: `unix://${socket}`,
    redis,
    signal: (signal) => void child?.kill(signal),
    end,
    start,
    async stop() {
      redis.disconnect()
      await end()
      await remove()
    },
  }
}
