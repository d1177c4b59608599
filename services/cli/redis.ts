import { parseRedisUrl } from '../../lib/config/redis-url.ts'
import { loadSettings, type Settings } from '../../lib/config/settings.ts'
import { isRedisReply, messageOf, OperatorError } from '../../lib/errors.ts'
import { refusalText } from '../../lib/store/advice.ts'
import { checkLayout } from '../../lib/store/audit/layout.ts'
import { findAway, readPart } from '../../lib/store/away-masters.ts'
import { claimSchema } from '../../lib/store/check-server.ts'
import { endConnection } from '../../lib/store/client.ts'
import { readTime } from '../../lib/store/clock.ts'
import { connectRedis } from '../../lib/store/connect.ts'
import { type Keys, makeKeys } from '../../lib/store/keys.ts'
import { runningRedisUrl } from '../../lib/store/running-redis.ts'

/** How a command ends: all done; not all of it; not run, or not to its end. */
export const EXIT = { done: 0, notAll: 1, notRun: 2 } as const

/** What a command works on. */
export type Target = {
  redis: Awaited<ReturnType<typeof connectRedis>>
  /** Where it is, for people: no password is in it. */
  name: string
  keys: Keys
  settings: Settings
  /** Seconds since the epoch by Redis's clock, which all frontends go by. */
  nowS: number
}

/** The Redis of the settings, else the private one of a tracker that runs here; `purpose` is what it is wanted for. */
export async function findRedis(
  { redisUrl, dataDir }: Settings,
  purpose: string,
): Promise<{ url: string; name: string }> {
  if (redisUrl !== undefined) return { url: redisUrl, name: parseRedisUrl(redisUrl).shown }
  const url = await runningRedisUrl(dataDir)
  if (url !== undefined) return { url, name: `the private Redis of ${dataDir}` }
  throw new OperatorError(
    `no tracker runs on ${dataDir}, so that there is no Redis to ${purpose}\n` +
      '  start it (npm start), or set REDSWARM_REDIS_URL, or REDSWARM_DATA_DIR to the folder of one that runs',
  )
}

/**
 * Runs a command on the tracker's Redis; answers its exit code. One that writes claims the keys for this layout, as a
 * tracker does. What goes wrong is told on standard error.
 */
export async function runOnRedis(
  purpose: 'read' | 'write',
  command: (target: Target) => Promise<number>,
): Promise<number> {
  return runToEnd(
    async () => {
      const settings = loadSettings(process.env)
      const { url, name } = await findRedis(settings, purpose === 'read' ? 'look into' : 'write to')
      const keys = makeKeys(settings.keyPrefix)
      const redis = await connectRedis(url)
      try {
        // Who only reads does without it where its master is away, as the frontends that serve the others do.
        if (purpose === 'write') await claimSchema(redis, keys.schema)
        else await readPart(redis, await findAway(redis, keys), keys.schema, (node) => checkLayout(node, keys))
        const [seconds] = await readTime(redis)
        return await command({ redis, name, keys, settings, nowS: Number(seconds) })
      } finally {
        endConnection(redis)
      }
    },
    purpose === 'read' ? '' : HALF_DONE,
  )
}

const HALF_DONE = '\n  what was done stays; run it again for the rest'

/** Runs a command to its end; answers its exit code. What goes wrong is told on standard error, `advice` where it stopped midway. */
export async function runToEnd(command: () => Promise<number>, advice = ''): Promise<number> {
  endsQuietlyWithoutReader()
  try {
    return await command()
  } catch (error) {
    process.stderr.write(`redswarm: ${problemOf(error, advice)}\n`)
    return EXIT.notRun
  }
}

/** Whoever reads may have had enough (`| head`): what the command is there for is done all the same. */
export function endsQuietlyWithoutReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return
    process.stderr.write(`redswarm: cannot write standard output: ${messageOf(error)}\n`)
    process.exit(EXIT.notRun)
  })
}

/** Writes to standard output, no faster than it is read; whether anybody still reads. */
export const print = (text: string): Promise<boolean> =>
  // Asked of each write: Node forgets the error of a standard output.
  new Promise((resolve) => process.stdout.write(text, (error) => resolve(!error)))

function problemOf(error: unknown, advice: string): string {
  if (error instanceof OperatorError) return error.message
  if (isRedisReply(error)) return `Redis refuses: ${refusalText(error)}`
  return `it did not come to its end: ${lossOf(messageOf(error))}${advice}`
}

/** How ioredis says that a command could not be sent, or was not answered. */
const IS_LOST =
  /^(?:Reached the max retries|Stream isn't writeable|Connection is closed|Cluster isn't ready|Failed to refresh slots)/
const IS_LATE = /timed out|Socket timeout/

const lossOf = (message: string): string =>
  IS_LOST.test(message)
    ? 'the connection to Redis was lost'
    : IS_LATE.test(message)
      ? 'Redis does not answer in time'
      : message
