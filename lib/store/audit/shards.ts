import { atMasters } from '../at-masters.ts'
import { loadScript, runScript } from '../scripts.ts'
import type { AuditContext } from './context.ts'
import type { LooseSwarms } from './names.ts'
import { auditSwarms } from './swarms.ts'

/** Shards whose keys are looked at in one script: 0.5 ms of Redis. */
const SHARDS_PER_CALL = 64
/** Members that one ZSCAN looks at, about: 0.1 ms of Redis. */
const SCAN_COUNT = 250

const INFO_HASH = /^[0-9a-f]{40}$/

/** The shards that hold something, and how many torrents each has; keys of a wrong type are told. */
export async function auditShardKeys(context: AuditContext): Promise<Map<string, number>> {
  const { redis, keys, shards, recorder } = context
  const script = loadScript('audit_shards')
  const sizes = new Map<string, number>()
  const names = [...shards]
  for (let i = 0; i < names.length; i += SHARDS_PER_CALL) {
    const asked = names.slice(i, i + SHARDS_PER_CALL)
    const wrong: Buffer[] = []
    const found = await atMasters(redis, asked, keys.torrents, async (node, own) => {
      const [ownSizes, ownWrong] = (await runScript(node, script, [], [keys.prefix, ...own])) as [number[], Buffer[]]
      wrong.push(...ownWrong)
      return ownSizes
    })
    for (const [k, size] of found.entries()) if (size >= 0) sizes.set(asked[k] as string, size)
    for (let k = 0; k < wrong.length; k += 2) await tellWrongType(context, String(wrong[k]), String(wrong[k + 1]))
  }
  recorder.looked('keys', sizes.size)
  return sizes
}

/** What is derived is deleted, to be made anew; the operator's own data are for the operator to look at. */
async function tellWrongType({ redis, keys, repair, recorder }: AuditContext, key: string, type: string) {
  const kind = { torrents: 'zset', totals: 'hash' }[key.slice(keys.prefix.length).split(':')[0] as string]
  if (kind === undefined) {
    const text = `is a ${type}, and must be a ${key.includes('whitelist:') ? 'set' : 'hash'}`
    recorder.fault('keys', key, `${text}: rename it, and write its entries anew (docs/redis-keys.md)`, false)
    return
  }
  const isRepaired = repair && (await runScript(redis, loadScript('repair_key'), [key], [keys.prefix, kind])) === 1
  recorder.fault('keys', key, `is a ${type}, and must be a ${kind}`, isRepaired)
}

/** Looks at the swarms of a shard, those of its index and the loose ones, and then at its totals. */
export async function auditShard(context: AuditContext, shard: string, loose: LooseSwarms): Promise<void> {
  const hexes = await readIndex(context, shard)
  for (const hex of loose.get(shard) ?? []) hexes.add(hex)
  await auditSwarms(context, shard, [...hexes])
  await auditTotals(context, shard)
  context.onStep('swarms', hexes.size)
}

async function readIndex({ redis, keys, repair, recorder }: AuditContext, shard: string): Promise<Set<string>> {
  const index = keys.torrents(shard)
  const hexes = new Set<string>()
  // ZSCAN may give a member twice where the set changes while it is read.
  const foreign = new Map<string, Buffer>()
  let cursor = '0'
  do {
    const reply = await redis.callBuffer('ZSCAN', [index, cursor, 'COUNT', SCAN_COUNT]).catch(asEmpty)
    const [next, members] = reply as [Buffer, Buffer[]]
    for (let i = 0; i < members.length; i += 2) {
      const member = members[i] as Buffer
      const text = member.toString('latin1')
      if (INFO_HASH.test(text) && text.startsWith(shard)) hexes.add(text)
      else foreign.set(text, member)
    }
    cursor = next.toString()
  } while (cursor !== '0')
  for (const [text, member] of foreign) {
    // No announce makes such a member, so that nothing can change between the look and this.
    const isRepaired = repair && (await redis.zrem(index, member)) === 1
    recorder.fault('index', index, `lists ${JSON.stringify(text)}, no info hash of this shard`, isRepaired)
  }
  return hexes
}

/** An index of a wrong type has been told already. */
function asEmpty(error: Error): [Buffer, Buffer[]] {
  if (!error.message.startsWith('WRONGTYPE')) throw error
  return [Buffer.from('0'), []]
}

const TOTALS = ['torrents', 'seeders', 'leechers', 'completed'] as const

async function auditTotals({ redis, keys, repair, recorder }: AuditContext, shard: string): Promise<void> {
  const index = keys.torrents(shard)
  const key = keys.totals(shard)
  const look = async (): Promise<string | undefined> => {
    const reply = (await runScript(redis, loadScript('audit_totals'), [index], [keys.prefix])) as (number | Buffer)[]
    if (reply.length <= 1) return reply.length === 1 ? TOO_MANY : undefined
    return totalsProblem(reply)
  }
  const problem = await look()
  if (problem === TOO_MANY) {
    recorder.notCompared(`${key} counts too many torrents for one script`)
    return
  }
  recorder.looked('totals', 1)
  if (problem === undefined) return
  if (repair) await runScript(redis, loadScript('repair_totals'), [index], [keys.prefix])
  recorder.fault('totals', key, problem, repair && (await look()) === undefined)
}

const TOO_MANY = 'many'

/** What the totals of a shard say otherwise than its swarms; a total that is not there is 0. */
function totalsProblem(reply: readonly (number | Buffer)[]): string | undefined {
  const wrong = TOTALS.flatMap((name, i) => {
    const text = String(reply[TOTALS.length + i])
    return (text || '0') === String(reply[i]) ? [] : [`${text || 'nothing'} for ${name}, and its swarms ${reply[i]}`]
  })
  return wrong.length > 0 ? `says ${wrong.join('; ')}` : undefined
}
