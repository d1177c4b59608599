import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadSettings } from '../../lib/config/settings.ts'
import { makeLifecycle } from '../../lib/lifecycle.ts'
import type { Logger } from '../../lib/observe/log.ts'
import { startRoles } from '../../services/compose.ts'
import type { Started } from '../../services/parts.ts'
import { ROLES, type Role } from '../../services/roles.ts'
import { silentLog } from './store.ts'

/** A running tracker of a test's own: all its roles in this process, on real sockets and a real Redis. */
export type TestTracker = Started & {
  udpPort: number
  httpUrl: string
  apiUrl: string
  healthUrl: string
  metricsUrl: string
  stop: () => Promise<string[]>
}

/** Token of the API in tests. */
export const TOKEN = 'a-token-for-tests'

/** Starts roles on free ports of the loopback, with settings of the test's. */
export async function startTracker(
  redisUrl: string,
  {
    roles = ROLES.filter((role) => role !== 'sweeper'),
    settings = {},
    log = silentLog,
  }: { roles?: readonly Role[]; settings?: Record<string, string>; log?: Logger } = {},
): Promise<TestTracker> {
  const dataDir = await mkdtemp(join(tmpdir(), 'redswarm-test-'))
  const environment = {
    REDSWARM_UDP_LISTEN: '127.0.0.1:0',
    REDSWARM_HTTP_LISTEN: '127.0.0.1:0',
    REDSWARM_API_LISTEN: '127.0.0.1:0',
    REDSWARM_HEALTH_LISTEN: '127.0.0.1:0',
    REDSWARM_METRICS_LISTEN: '127.0.0.1:0',
    REDSWARM_API_TOKEN: TOKEN,
    REDSWARM_DATA_DIR: dataDir,
    ...settings,
  }
  const lifecycle = makeLifecycle()
  lifecycle.onStop('data folder', () => rm(dataDir, { recursive: true, force: true }))
  try {
    const started = await startRoles({
      settings: loadSettings(environment, false),
      version: '0.0.0-test',
      redisUrl,
      roles,
      log,
      lifecycle,
    })
    return {
      ...started,
      udpPort: started.udp[0]?.port ?? 0,
      httpUrl: `http://127.0.0.1:${started.http[0]?.port}`,
      apiUrl: `http://127.0.0.1:${started.api[0]?.port}`,
      healthUrl: `http://127.0.0.1:${started.health[0]?.port}`,
      metricsUrl: `http://127.0.0.1:${started.metrics[0]?.port}`,
      stop: lifecycle.stop,
    }
  } catch (error) {
    await lifecycle.stop()
    throw error
  }
}

/** Runs a test against a tracker, and stops it whatever comes. */
export async function withTracker<T>(
  redisUrl: string,
  options: Parameters<typeof startTracker>[1],
  test: (tracker: TestTracker) => Promise<T>,
): Promise<T> {
  const tracker = await startTracker(redisUrl, options)
  try {
    return await test(tracker)
  } finally {
    await tracker.stop()
  }
}
