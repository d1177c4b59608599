import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { loadSettings } from '../../lib/config/settings.ts'
import { OperatorError } from '../../lib/errors.ts'
import { makeLifecycle } from '../../lib/lifecycle.ts'
import { makeLog } from '../../lib/observe/log.ts'
import { fieldsOf } from '../../lib/store/check-server.ts'
import { connectRedis } from '../../lib/store/connect.ts'
import { startPrivateRedis } from '../../lib/store/private-redis.ts'

/** The roles that can be profiled. */
export type ProfiledRole = 'udp' | 'http' | 'api' | 'sweeper'

/** The API's token in a profile; the tracker lives as long as the profile does, on the loopback. */
export const API_TOKEN = 'a-token-for-profiles'

/** Longest that a role may take to serve. */
const SERVING_MS_MAX = 20_000
/** Longest that a role may take to end once it is asked to; its Redis is there, so that nothing keeps it. */
const END_MS_MAX = 6000
/** Of what a child writes to standard error, so much is kept, to be shown where it fails. */
const TEXT_CHARS_MAX = 4000
const MAIN = join(import.meta.dirname, '..', 'main.ts')
const END_WITH_PROFILE = new URL('./end-with-profile.ts', import.meta.url).href

/** A role in a process of its own, on a private Redis in a folder of its own. */
export type ProfiledTracker = {
  /** `unix://…` */
  redisUrl: string
  redisPid: number
  rolePid: number
  /** Where the role is asked: `udp://127.0.0.1:PORT`, `http://127.0.0.1:PORT/announce`, `http://127.0.0.1:PORT`; of a sweeper nothing. */
  url: string
  /** The role's process, with a channel to the module that was loaded before it. */
  child: ChildProcess
  /** The temporary folder, for whatever else a profile must keep meanwhile; `stop` removes it. */
  folder: string
  /** Leaves no process and no folder behind. Called again: the same stop. */
  stop: () => Promise<void>
}

/**
 * Starts a role for a profile, as operators run it: its own process, default settings (the log tells that it serves, and
 * then only what goes wrong), on free ports of the loopback. `preload` is a module that is loaded before the role;
 * `env` adds settings. Settings of the caller's own environment do not reach it: profiles are to be compared.
 */
export async function startProfiledTracker({
  role,
  preload,
  env = {},
}: {
  role: ProfiledRole
  preload?: string | undefined
  env?: Record<string, string>
}): Promise<ProfiledTracker> {
  const serverPath = redisServerPath()
  const lifecycle = makeLifecycle()
  const folder = await mkdtemp(join(tmpdir(), 'redswarm-profile-'))
  // A way out that waits for nothing, such as a second Ctrl-C, leaves no folder behind either.
  const removeAtExit = (): void => rmSync(folder, { recursive: true, force: true })
  process.once('exit', removeAtExit)
  lifecycle.onStop('folder', async () => {
    await rm(folder, { recursive: true, force: true })
    process.removeListener('exit', removeAtExit)
  })
  const stop = async (): Promise<void> => {
    const problems = await lifecycle.stop()
    if (problems.length > 0) throw new Error(`not stopped cleanly: ${problems.join('; ')}`)
  }
  try {
    const redis = await startPrivateRedis({ serverPath, dataDir: folder, log: makeLog('silent', false) })
    lifecycle.onStop('private Redis', redis.stop)
    const child = spawnRole({ role, preload, folder, env: { REDSWARM_REDIS_URL: redis.url, ...env } })
    lifecycle.onStop(role, () => endProcess(child))
    const port = await servingPort(child, role)
    const redisPid = await pidOf(redis.url)
    return { redisUrl: redis.url, redisPid, rolePid: child.pid as number, url: urlOf(role, port), child, folder, stop }
  } catch (error) {
    await lifecycle.stop()
    throw error
  }
}

function redisServerPath(): string {
  const { redisServer } = loadSettings(process.env)
  if (redisServer !== undefined) return redisServer
  throw new OperatorError('no Redis server was found: run it by `npx redswarm profile …`, or set REDSWARM_REDIS_SERVER')
}

/** The role's working folder is the temporary one: a `.env` file of the caller's must not change what is measured. */
function spawnRole({
  role,
  preload,
  folder,
  env,
}: {
  role: ProfiledRole
  preload: string | undefined
  folder: string
  env: Record<string, string>
}): ChildProcess {
  const imports = [END_WITH_PROFILE, ...(preload ? [preload] : [])].flatMap((module) => ['--import', module])
  const child = spawn(process.execPath, [...imports, MAIN, role], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: {
      ...foreignEnvironment(),
      REDSWARM_UDP_LISTEN: '127.0.0.1:0',
      REDSWARM_HTTP_LISTEN: '127.0.0.1:0',
      REDSWARM_API_LISTEN: '127.0.0.1:0',
      REDSWARM_HEALTH_LISTEN: '127.0.0.1:0',
      REDSWARM_METRICS_LISTEN: '127.0.0.1:0',
      REDSWARM_API_TOKEN: API_TOKEN,
      REDSWARM_DATA_DIR: folder,
      ...env,
    },
  })
  child.on('error', () => {}) // its end says so too
  killAtExit(child)
  return child
}

const foreignEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('REDSWARM_')))

function killAtExit(child: ChildProcess): void {
  const kill = (): void => void child.kill('SIGKILL')
  process.once('exit', kill)
  child.once('exit', () => process.removeListener('exit', kill))
}

type Serving = Partial<Record<ProfiledRole, { port: number }[]>>

/** Waits until the role says in its log that it serves, and where. */
async function servingPort(child: ChildProcess, role: ProfiledRole): Promise<number> {
  const said = keepText(child)
  const served = Promise.withResolvers<number>()
  let line = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const lines = (line + text).split('\n')
    line = lines.pop() ?? ''
    const serving = lines.find((each) => each.includes('"msg":"serving"'))
    if (serving) served.resolve((JSON.parse(serving) as Serving)[role]?.[0]?.port ?? 0)
  })
  const timer = setTimeout(
    () => served.reject(new Error(`${role} did not serve in ${SERVING_MS_MAX / 1000} s`)),
    SERVING_MS_MAX,
  )
  child.once('close', () => served.reject(new Error(`${role} did not start: ${said()}`)))
  try {
    return await served.promise
  } finally {
    clearTimeout(timer)
  }
}

/** Keeps the end of what a child writes to standard error. */
function keepText(child: ChildProcess): () => string {
  let kept = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    kept = (kept + text).slice(-TEXT_CHARS_MAX)
  })
  return () => kept.trim()
}

function urlOf(role: ProfiledRole, port: number): string {
  const host = `127.0.0.1:${port}`
  return { udp: `udp://${host}`, http: `http://${host}/announce`, api: `http://${host}`, sweeper: '' }[role]
}

async function pidOf(redisUrl: string): Promise<number> {
  const redis = await connectRedis(redisUrl)
  try {
    return Number(fieldsOf(await redis.info('server')).get('process_id'))
  } finally {
    redis.disconnect()
  }
}

/** Ends a process as an operator does; one that does not end by itself is killed. */
async function endProcess(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  await Promise.race([gone, sleep(END_MS_MAX, undefined, { ref: false })])
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
  await gone
}

/** What `redswarm load … --json` answers, as far as profiles use it. */
export type LoadResult = {
  responses: number
  connects: number
  announces: number
  scrapes: number
  errors: number
  lost: number
  peersPerAnnounce: number
  cpuUsPerResponse: Record<string, number>
}

/** A load under way. */
export type LoadRun = {
  /** Ends when the fill is over and the measured seconds begin. */
  loading: Promise<void>
  /** Ends when the measured seconds are over. */
  loaded: Promise<void>
  /** What the load answered. */
  result: Promise<LoadResult>
  stop: () => Promise<void>
}

/** Runs `redswarm load` with these arguments and `--json`, as a process of its own. */
export function runLoad(args: readonly string[]): LoadRun {
  const child = spawn(process.execPath, [MAIN, 'load', ...args, '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: foreignEnvironment(),
  })
  killAtExit(child)
  const said = keepText(child)
  const [loading, loaded, result] = [
    Promise.withResolvers<void>(),
    Promise.withResolvers<void>(),
    Promise.withResolvers<LoadResult>(),
  ]
  // Whoever waits for one of them only must not be told of the others.
  for (const { promise } of [loading, loaded, result] as { promise: Promise<unknown> }[]) promise.catch(() => {})
  const fail = (why: string): void => {
    for (const each of [loading, loaded, result]) each.reject(new Error(`the load failed: ${why}`))
  }
  let [line, output] = ['', '']
  child.stderr.on('data', (text: string) => {
    const lines = (line + text).split('\n')
    line = lines.pop() ?? ''
    if (lines.includes('loading')) loading.resolve()
    if (lines.includes('loaded')) loaded.resolve()
  })
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  child.once('error', (error) => fail(error.message))
  child.once('close', (code, signal) => {
    if (code === 0) result.resolve(JSON.parse(output) as LoadResult)
    fail(`${signal ?? `exit code ${code}`} ${output.slice(0, TEXT_CHARS_MAX)} ${said()}`)
  })
  return {
    loading: loading.promise,
    loaded: loaded.promise,
    result: result.promise,
    stop: () => endProcess(child),
  }
}
