import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { loadSettings, type Settings } from '../lib/config/settings.ts'
import { isRedisReply, messageOf, OperatorError } from '../lib/errors.ts'
import { type Lifecycle, makeLifecycle } from '../lib/lifecycle.ts'
import { type Logger, makeLog } from '../lib/observe/log.ts'
import { onStopSignals } from '../lib/signals.ts'
import { shownUrl } from '../lib/store/connect.ts'
import { startPrivateRedis } from '../lib/store/private-redis.ts'
import { apiTokenFile } from './api/token.ts'
import { type AuditOptions, runAudit } from './cli/audit.ts'
import { addAccessCommands } from './cli/command.ts'
import { shellWord, summaryOf } from './cli/summary.ts'
import { ROLES, type Role, startRoles } from './compose.ts'
import { addLoadCommand } from './load/command.ts'
import { addProfileCommand } from './profile/command.ts'

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }

const DESCRIPTIONS: Record<Role, string> = {
  udp: 'run a UDP tracker on the Redis of REDSWARM_REDIS_URL',
  http: 'run an HTTP tracker on it',
  api: 'run the REST API on it',
  sweeper: 'run a sweeper on it: it removes peers that were not heard from',
}

const HELP = `
Examples:
  $ npm start                                             the whole tracker, with a Redis of its own
  $ REDSWARM_REDIS_URL=redis://10.0.0.5:6379 npx redswarm udp
                                                          one more UDP frontend on a shared Redis
  $ REDSWARM_UDP_LISTEN=0.0.0.0:7000 npx redswarm up      another port
  $ npx redswarm audit                                    whether all in Redis is as it must be
  $ npx redswarm keys add                                 a key for a user of a private tracker

Settings are REDSWARM_* environment variables or lines of a .env file: docs/configuration.md.
`

/** The command line: one process, one role or all. */
function makeProgram(): Command {
  const program = new Command('redswarm')
    .description('A BitTorrent tracker whose frontends keep no state: swarms live in Redis.')
    .version(version)
    .addHelpText('after', HELP)
    .showHelpAfterError('(redswarm --help shows what there is)')
  program
    .command('up', { isDefault: true })
    .description('run the whole tracker; without REDSWARM_REDIS_URL, on a private Redis in the data folder')
    .action(() => run(ROLES))
  for (const role of ROLES) {
    program
      .command(role)
      .description(DESCRIPTIONS[role])
      .action(() => run([role]))
  }
  addAudit(program)
  addAccessCommands(program)
  addLoadCommand(program)
  addProfileCommand(program)
  return program
}

const AUDIT_HELP = `
Works on the Redis of REDSWARM_REDIS_URL, else on the private one of the tracker that runs on the data folder.
Exit code: 0 nothing is wrong, 1 drift was found (repaired or not), 2 it could not run. More: docs/audit.md.
`

function addAudit(program: Command): void {
  program
    .command('audit')
    .description('compare counts, pieces, indexes and totals with the peers stored, while traffic goes on')
    .option('--repair', 'make anew what follows from the peers stored, and delete what nobody can use')
    .option('--json', 'print one JSON object')
    .addHelpText('after', AUDIT_HELP)
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
    .action(async (options: AuditOptions) => {
      process.exitCode = await runAudit(options)
    })
}

/** Runs roles until a signal asks the process to stop. */
async function run(roles: readonly Role[]): Promise<void> {
  const settings = loadSettings(process.env)
  const isTerminal = process.stdout.isTTY === true
  const log = makeLog(settings.logLevel, isTerminal)
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
  try {
    await start(settings, roles, log, lifecycle, isTerminal)
  } catch (error) {
    await lifecycle.stop()
    throw error
  }
}

async function start(
  settings: Settings,
  roles: readonly Role[],
  log: Logger,
  lifecycle: Lifecycle,
  isTerminal: boolean,
): Promise<void> {
  const redisUrl = settings.redisUrl ?? (await startOwnRedis(settings, roles, log, lifecycle))
  const started = await startRoles({ settings, redisUrl, roles, log, lifecycle })
  const redis = settings.redisUrl
    ? shownUrl(redisUrl)
    : `private, redis-cli -s ${shellWord(decodeURIComponent(new URL(redisUrl).pathname))}`
  const tokenFile = settings.apiToken === undefined ? apiTokenFile(settings.dataDir) : undefined
  if (isTerminal) process.stdout.write(`${summaryOf(started, { version, redis, tokenFile })}\n`)
  else log.info({ version, ...started, newToken: started.newToken?.file, redis }, 'serving')
}

async function startOwnRedis(
  settings: Settings,
  roles: readonly Role[],
  log: Logger,
  lifecycle: Lifecycle,
): Promise<string> {
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
  const server = await startPrivateRedis({
    serverPath: settings.redisServer,
    dataDir: settings.dataDir,
    log: log.child({ role: 'redis' }),
  })
  lifecycle.onStop('private Redis', server.stop)
  return server.url
}

/** What to tell of a start that failed. An error by which Redis answers, out of memory or disk, is the operator's too. */
function startProblem(error: unknown): string {
  if (error instanceof OperatorError) return error.message
  return isRedisReply(error)
    ? `Redis refuses to serve: ${messageOf(error)}`
    : ((error as Error).stack ?? messageOf(error))
}

try {
  await makeProgram().parseAsync()
} catch (error) {
  process.stderr.write(`redswarm: ${startProblem(error)}\n`)
  process.exit(1)
}
