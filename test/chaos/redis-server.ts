import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { findRedis } from '../../services/cli/setup.mjs'
import { killAtExit } from '../support/at-exit.ts'
import { freePort } from '../support/free-port.ts'
import { until } from '../support/redis.ts'

/** A Redis that keeps its data in a folder, and can be ended and started again. */
export type RedisServer = {
  port: number
  folder: string
  /** A connection to look with, which comes back by itself. */
  redis: Redis
  signal: (signal: NodeJS.Signals) => void
  /** kill -9; resolves when it is gone. */
  kill: () => Promise<void>
  start: () => Promise<void>
  /** Waits until it takes commands; answers when it did. */
  untilServes: () => Promise<number>
  usedBytes: () => Promise<number>
  stop: () => Promise<void>
}

/** As an operator runs it: all in the AOF, on the disk within a second. */
const AOF = ['--appendonly', 'yes', '--appendfsync', 'everysec']
/**
 * While an fsync of the file takes longer than it should, Redis answers, and keeps what it has to write for 2 s at most. So
 * much of what it acknowledged can go with its process, even where the machine goes on.
 */
export const UNWRITTEN_MS_MAX = 2500
/** It has a few thousand keys: more time is a failure. */
const SERVES_MS_MAX = 60_000

/** Starts a Redis at 127.0.0.1 and 127.0.0.2, so that the way to it can differ. */
export async function startRedisServer(parent: string): Promise<RedisServer> {
  const port = await freePort()
  const folder = join(parent, `redis-${port}`)
  await mkdir(folder, { recursive: true })
  const command = (await findRedis({ install: false }))?.path ?? 'redis-server'
  const settings = ['--port', `${port}`, '--bind', '127.0.0.1', '127.0.0.2', '--dir', folder, '--save', '']
  let child: ChildProcess
  const start = async () => {
    child = spawn(command, [...settings, ...AOF], { stdio: 'ignore' })
    killAtExit(child)
    await once(child, 'spawn')
  }
  await start()
  const redis = new Redis({
    ...{ port, protocol: 2, retryStrategy: () => 10, maxRetriesPerRequest: 0 },
    ...{ commandTimeout: 1000, enableOfflineQueue: false },
  })
  redis.on('error', () => {})
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }
  const server: RedisServer = {
    ...{ port, folder, redis, kill, start },
    signal: (signal) => void child.kill(signal),
    async untilServes() {
      const serves = () =>
        redis.dbsize().then(
          () => true,
          () => false,
        )
      await until('Redis to serve', serves, SERVES_MS_MAX)
      return performance.now()
    },
    async usedBytes() {
      return Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1])
    },
    async stop() {
      redis.disconnect()
      await kill()
    },
  }
  await server.untilServes()
  return server
}

/** A moment, a little ago, at which all that had been acknowledged was in the append-only file. */
export async function writtenMs({ redis }: RedisServer): Promise<number> {
  let sinceMs = 0
  await until('all to be in the append-only file', async () => {
    sinceMs = performance.now()
    const info = await redis.info('persistence')
    return /aof_buffer_length:0\r/.test(info) && /aof_pending_bio_fsync:0\r/.test(info)
  })
  return sinceMs
}
