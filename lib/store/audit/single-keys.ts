import { RANKED_BY } from '../ranks.ts'
import { loadScript, runScript } from '../scripts.ts'
import type { AuditContext } from './context.ts'

/** A key that there is one of; `advice`: what to do where it is the operator's to repair. */
type SingleKey = { key: string; type: string; advice?: string }

/** Looks at the keys that there is one of: of what type they are, and that counters are numbers. */
export async function auditSingleKeys(context: AuditContext): Promise<void> {
  const { redis, keys, repair, recorder } = context
  const singles = singleKeys(context)
  const types = await Promise.all(singles.map(({ key }) => redis.type(key)))
  for (const [i, { key, type, advice }] of singles.entries()) {
    const found = types[i] as string
    if (found === 'none') continue
    recorder.looked('keys', 1)
    if (found === type) continue
    const isRepaired =
      repair &&
      advice === undefined &&
      (await runScript(redis, loadScript('repair_key'), [key], [keys.prefix, type])) === 1
    const text = `is a ${found}, and must be a ${type}`
    recorder.fault('keys', key, advice === undefined ? text : `${text}: ${advice}`, isRepaired)
  }
  await auditCounters(context)
}

/** Rankings, counts and marks are made anew or go on from nothing; a secret and a layout nobody can make anew. */
function singleKeys({ keys }: AuditContext): SingleKey[] {
  return [
    ...RANKED_BY.flatMap((by) => [keys.ranks(by), keys.nextRanks(by), keys.ranksBefore(by)]).map((key) => ({
      key,
      type: 'zset',
    })),
    { key: keys.events, type: 'stream' },
    { key: keys.counted, type: 'string' },
    ...[keys.bans, keys.denied, keys.clients].flatMap(({ list, version, changes }) => [
      { key: list, type: 'hash' },
      { key: version, type: 'string' },
      { key: changes, type: 'stream' },
    ]),
    ...[keys.stats, keys.instances, keys.sweeper, keys.audit, ...RANKED_BY.map(keys.ranksMade)].map((key) => ({
      key,
      type: 'hash',
    })),
    {
      key: keys.secret,
      type: 'string',
      advice: 'delete it (another is made at the next start), or set REDSWARM_SECRET',
    },
    {
      key: keys.schema,
      type: 'string',
      advice: 'delete it, and the next start writes it, if a redswarm of this layout wrote the swarms',
    },
  ]
}

/** One counter that is no number keeps every frontend from adding what it counted. */
async function auditCounters({ redis, keys, repair, recorder }: AuditContext): Promise<void> {
  const fields = await redis.hgetall(keys.stats).catch((error: Error) => {
    if (error.message.startsWith('WRONGTYPE')) return {}
    throw error
  })
  for (const [name, text] of Object.entries(fields)) {
    if (text.length < 19 && /^(?:0|-?[1-9]\d*)$/.test(text)) continue
    // No frontend can add to it, so that nothing changes between the look and this.
    const isRepaired = repair && (await redis.hdel(keys.stats, name)) === 1
    recorder.fault('keys', keys.stats, `says ${JSON.stringify(text)} for ${name}, no number`, isRepaired)
  }
}
