import { loadSettings, type Settings } from '../../lib/config/settings.ts'
import { isRedisReply, messageOf, OperatorError } from '../../lib/errors.ts'
import { refusalText } from '../../lib/store/advice.ts'
import { checkLayout } from '../../lib/store/audit/layout.ts'
import { keepAuditResult } from '../../lib/store/audit/result.ts'
import { auditAll } from '../../lib/store/audit.ts'
import { connectRedis } from '../../lib/store/connect.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { auditText } from './audit-text.ts'
import { makeBar } from './bar.ts'
import { paint } from './paint.ts'
import { endsQuietlyWithoutReader, findRedis } from './redis.ts'

/** What the command was asked for. */
export type AuditOptions = { repair?: boolean; json?: boolean }

/** How the command ends: nothing wrong; drift found, repaired or not; not run. */
const EXIT = { clean: 0, drift: 1, notRun: 2 } as const

/** Runs the `audit` command; answers its exit code. */
export async function runAudit({ repair = false, json = false }: AuditOptions): Promise<number> {
  // The audit ends all the same, and its exit code says what it found.
  endsQuietlyWithoutReader()
  try {
    return await audit(loadSettings(process.env), repair, json)
  } catch (error) {
    process.stderr.write(`redswarm: ${problemOf(error)}\n`)
    return EXIT.notRun
  }
}

async function audit(settings: Settings, repair: boolean, json: boolean): Promise<number> {
  const { url, name } = await findRedis(settings, 'audit')
  const keys = makeKeys(settings.keyPrefix)
  const { peerLifetimeS } = settings
  const redis = await connectRedis(url)
  const bar = makeBar()
  try {
    await checkLayout(redis, keys)
    if (!json) process.stdout.write(`${openingLine(name, settings, repair)}\n`)
    const report = await auditAll({ redis, keys, peerLifetimeS, repair, onProgress: bar.show })
    bar.stop()
    process.stdout.write(json ? `${JSON.stringify({ redis: name, ...report })}\n` : auditText(report, repair, paint))
    // A Redis that is full, or a replica, is audited all the same.
    await keepAuditResult(redis, keys, report).catch((error: unknown) => {
      process.stderr.write(`redswarm: the result is not kept in ${keys.audit} for the metrics: ${messageOf(error)}\n`)
    })
    return report.drift === 0 ? EXIT.clean : EXIT.drift
  } finally {
    bar.stop()
    redis.disconnect()
  }
}

function openingLine(name: string, { peerLifetimeS, keyPrefix }: Settings, repair: boolean): string {
  const prefix = keyPrefix === '' ? '' : `, key prefix ${keyPrefix}`
  return `  ${repair ? 'Auditing and repairing' : 'Auditing'} ${name}${prefix} (peer lifetime ${peerLifetimeS} s)`
}

function problemOf(error: unknown): string {
  if (error instanceof OperatorError) return error.message
  if (isRedisReply(error)) return `Redis refuses the audit: ${refusalText(error)}`
  return `the audit did not come to its end: ${messageOf(error)}\n  each repair is one script: none is left half done. Run it again.`
}
