import { listenText } from '../lib/config/listen.ts'
import { parseRedisUrl } from '../lib/config/redis-url.ts'
import { loadSettings, type Settings } from '../lib/config/settings.ts'
import { OperatorError } from '../lib/errors.ts'
import { type Lifecycle, makeLifecycle } from '../lib/lifecycle.ts'
import { type Logger, makeLog } from '../lib/observe/log.ts'
import { onStopSignals } from '../lib/signals.ts'
import { apiTokenFile } from './api/token.ts'
import { shellWord, summaryOf } from './cli/summary.ts'
import { startRoles } from './compose.ts'
import { NOTHING_STARTED, type Started } from './parts.ts'
import { type Role, SHARED_ROLES, type SharedRole } from './roles.ts'

/** What to run. */
export type RunOptions = {
  roles: readonly Role[]
  version: string
  /** Settings that the command line gives. */
  given?: Record<string, string>
  /** The number of this process, where it is one of several on the same ports. */
  number?: string | undefined
}

type Context = Omit<RunOptions, 'given'> & {
  settings: Settings
  log: Logger
  lifecycle: Lifecycle
  isTerminal: boolean
}

/** Runs roles until a signal asks the process to stop. */
export async function run({ given = {}, ...options }: RunOptions): Promise<void> {
  const settings = loadSettings({ ...process.env, ...given })
  const isTerminal = process.stdout.isTTY === true
  const ownLog = makeLog(settings.logLevel, isTerminal)
  const log = options.number === undefined ? ownLog : ownLog.child({ process: Number(options.number) })
  const lifecycle = makeLifecycle()
  const stop = async (code: number): Promise<never> => {
    const problems = await lifecycle.stop()
    for (const problem of problems) log.error({ problem }, 'not stopped cleanly')
    process.exit(problems.length > 0 && code === 0 ? 1 : code)
  }
  onStopSignals(
    (signal) => {
      log.info(`${signal}: stopping`)
      void stop(0)
    },
    (signal) => {
      log.warn(`${signal} again: ending at once, not stopped cleanly`)
      process.exit(1)
    },
  )
  // Whoever started this process and the others of its ports is gone: nobody would stop it any more.
  if (options.number !== undefined) process.once('disconnect', () => void stop(0))
  try {
    await start({ ...options, settings, log, lifecycle, isTerminal })
  } catch (error) {
    await lifecycle.stop()
    throw error
  }
}

async function start(context: Context): Promise<void> {
  const { roles, version, number, settings, log, lifecycle } = context
  const redisUrl = settings.redisUrl ?? (await startOwnRedis(context))
  const shared =
    number === undefined ? SHARED_ROLES.filter((role) => roles.includes(role) && processesOf(role, settings) > 1) : []
  const elsewhere: Partial<Started> = {}
  for (const role of shared) elsewhere[role] = await startShared(role, redisUrl, context)
  const own = roles.filter((role) => !shared.some((each) => each === role))
  const started =
    own.length > 0
      ? await startRoles({
          settings,
          version,
          redisUrl,
          roles: own,
          number,
          elsewhere,
          log,
          lifecycle,
        })
      : { ...NOTHING_STARTED, ...elsewhere }
  // Where another process has started this one and its like, that tells when all serve.
  if (number !== undefined && process.send) process.send('serving')
  else tellServing(started, redisUrl, context)
}

const processesOf = (role: SharedRole, { udpProcesses, httpProcesses }: Settings): number =>
  ({ udp: udpProcesses, http: httpProcesses })[role]

/** Starts the processes of a role; answers where they listen. */
async function startShared(role: SharedRole, redisUrl: string, { settings, log, lifecycle }: Context) {
  const [{ claimListens }, { startProcesses }] = await Promise.all([
    import('./cli/claim-listens.ts'),
    import('./cli/processes.ts'),
  ])
  const setting = `REDSWARM_${role.toUpperCase()}_LISTEN`
  const { udpListens, httpListens } = settings
  const listens = await claimListens(role, { udp: udpListens, http: httpListens }[role], setting, log)
  const env = { REDSWARM_REDIS_URL: redisUrl, [setting]: listens.map(listenText).join(',') }
  const processes = await startProcesses({ role, count: processesOf(role, settings), env, log })
  lifecycle.onStop(`processes of ${role}`, processes.stop)
  return listens
}

function tellServing(started: Started, redisUrl: string, { version, settings, log, isTerminal }: Context): void {
  const redis = settings.redisUrl
    ? parseRedisUrl(redisUrl).shown
    : `private, redis-cli -s ${shellWord(decodeURIComponent(new URL(redisUrl).pathname))}`
  const tokenFile = settings.apiToken === undefined ? apiTokenFile(settings.dataDir) : undefined
  if (isTerminal) process.stdout.write(`${summaryOf(started, { version, redis, tokenFile })}\n`)
  else log.info({ version, ...started, newToken: started.newToken?.file, redis }, 'serving')
}

async function startOwnRedis({ settings, roles, log, lifecycle }: Context): Promise<string> {
  if (roles.length === 1) {
    throw new OperatorError(
      `redswarm ${roles[0]} needs a Redis that the other roles share: set REDSWARM_REDIS_URL\n` +
        '  (redswarm up runs all roles, with a private Redis)',
    )
  }
  if (settings.redisServer === undefined) {
    throw new OperatorError(
      'no Redis server was found: start with `npm start` or `npx redswarm`, or set REDSWARM_REDIS_URL',
    )
  }
  const { startPrivateRedis } = await import('../lib/store/private-redis.ts')
  const server = await startPrivateRedis({
    serverPath: settings.redisServer,
    dataDir: settings.dataDir,
    log: log.child({ role: 'redis' }),
  })
  lifecycle.onStop('private Redis', server.stop)
  return server.url
}
