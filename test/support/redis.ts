import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import { findRedis } from '../../services/cli/setup.mjs'
import { killAtExit, temporaryFolder } from './at-exit.ts'

/** A real Redis of a test's own, on a unix socket in a folder of its own. */
export type TestRedis = { url: string; socket: string; redis: Redis; process: ChildProcess; stop: () => Promise<void> }

/** Starts a Redis; arguments are those of `redis-server`. */
export async function startRedis(...args: string[]): Promise<TestRedis> {
  const { path: folder, remove } = await temporaryFolder('test')
  const socket = join(folder, 's')
  const settings = ['--port', '0', '--unixsocket', socket, '--dir', folder, '--save', '', '--appendonly', 'no', ...args]
  const process = spawn((await findRedis({ install: false }))?.path ?? 'redis-server', settings, { stdio: 'ignore' })
  killAtExit(process)
  const redis = new Redis({ path: socket, protocol: 2, retryStrategy: () => 20, maxRetriesPerRequest: null })
  redis.on('error', () => {})
  await redis.ping()
  const stop = async () => {
    redis.disconnect()
    if (process.exitCode === null && process.signalCode === null) {
      const gone = new Promise((resolve) => process.once('exit', resolve))
      process.kill('SIGKILL')
      await gone
    }
    await remove()
  }
  return { url: `unix://${socket}`, socket, redis, process, stop }
}

/** One Redis for all tests of a file, empty before each. */
export function useRedis(...args: string[]): () => TestRedis {
  let server: TestRedis
  beforeAll(async () => {
    server = await startRedis(...args)
  })
  beforeEach(async () => {
    await server.redis.flushall()
  })
  afterAll(() => server?.stop())
  return () => server
}

/** Waits until a condition holds; fails with its name after 15 s, long enough for a machine that others use, too. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, msMax = 15_000): Promise<void> {
  const deadlineMs = performance.now() + msMax
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error(`waited in vain: ${what}`)
    await sleep(10)
  }
}
